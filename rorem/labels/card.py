"""The card of the data set on the Hub: what is in it, for people, and where its parts lie, for `load_dataset`."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from rorem.labels.shards import EVENTS, FOLDERS, ITEMS, shards_in, told_by

BEGIN, END = "<!-- rorem:labels -->", "<!-- rorem:end -->"
# A part without files must not be named, else `load_dataset` fails; the first one is what it loads unasked.
CONFIGS = ((ITEMS, "default"), (EVENTS, "events"))


@dataclass(frozen=True)
class Agreement:
    """How often two people who judged the same removal said the same. pairs: of answers. items: that they are about."""

    share: float
    pairs: int
    items: int


def card(before: str, name: str, files: Iterable[str], agreement: Agreement | None, licence: str = "other") -> str:
    """The text of README.md. before: as it is now; what others wrote there stays, but the parts and our own section.

    name: of the data set. files: all paths in the repository; the counts follow from the names of the shards, so that
    several writers tell the same.
    """
    files = list(files)
    told, text = _apart(before)
    told.setdefault("license", licence)
    told.setdefault("tags", ["object-removal", "human-feedback"])
    if configs := _configs(files):
        told["configs"] = configs
    section = f"{BEGIN}\n{_section(name, files, agreement)}{END}"
    if BEGIN in text and END in text.partition(BEGIN)[2]:
        above, _, rest = text.partition(BEGIN)
        text = f"{above}{section}{rest.partition(END)[2]}"
    else:
        text = f"{text}\n\n{section}" if text else f"# {name.partition('/')[2]}\n\n{section}"
    return f"---\n{_yaml(told)}---\n\n{text}\n"


def _apart(before: str) -> tuple[dict[str, object], str]:
    """What its head says beside the parts, and its text."""
    from huggingface_hub import DatasetCard

    if not before.strip():
        return {}, ""
    try:
        old = DatasetCard(before, ignore_metadata_errors=True)
    except Exception:  # whatever the reader of YAML raises: a broken head must not stop all pushes
        return {}, (before.split("---", 2)[2] if before.count("---") > 1 else before).strip()
    told = {key: value for key, value in old.data.to_dict().items() if key not in ("configs", "dataset_info")}
    return told, old.text.strip()


def _configs(files: Iterable[str]) -> list[dict[str, object]]:
    configs = []
    for kind, name in CONFIGS:
        if shards_in(files, kind):
            path = f"{FOLDERS[kind]}/{kind}-*.parquet"
            configs.append({"config_name": name, "data_files": [{"split": "train", "path": path}]})
    return configs


def _yaml(told: dict[str, object]) -> str:
    from huggingface_hub.utils import yaml_dump

    return yaml_dump(told, sort_keys=False)


def _section(name: str, files: list[str], agreement: Agreement | None) -> str:
    rows = {kind: sum(told.rows for path in shards_in(files, kind) if (told := told_by(path))) for kind in FOLDERS}
    return f"""\
Things were removed from photos, and people said whether that worked. Made with RORem.

{rows[ITEMS]} removals and {rows[EVENTS]} label events.

```python
from datasets import load_dataset

removals = load_dataset("{name}", split="train")
events = load_dataset("{name}", "events", split="train")
```

{_agreement(agreement)}

## Removals: `data/`

One row for each removal, with the pictures inside, byte for byte. `id` is made of the hashes of `source`, `mask` and
`result` (white in the mask = to be removed); `truth` is the photo without the thing, where that is known. `method`,
`revision`, `options`, `protocol`, `seed` and `network_calls` say how the result was made. `votes_yes`, `votes_no`,
`p_yes` and `accepted_by` are what was known when the row was written. What holds now follows from the events.

## Label events: `events/`

One row for each answer, never changed. `kind` is `judgement` (about `item`) or `vote` (`item_a` on the left against
`item_b` on the right). `verdict` is yes, no, skip or mask_wrong; of a vote left, right, tie or both_bad. `reasons` of a
no: left_over, new_object, blur_or_seam, colour, shadow. `annotator` is a keyed pseudonym. `seconds` went by from seeing
to answering, `at` is in milliseconds since 1970 (UTC).

- An event that another one names in `supersedes` counts no longer. A skip with `supersedes` and without a `handout` is
  an undo: it says nothing itself.
- A later answer of the same annotator on the same item, without `supersedes`, is a hidden repeat. The first one counts.
- `source` is annotator, public (a visitor about their own removal) or gold (the right answer was known: a check of the
  annotator, which does not count).

`rorem.labels.dataset.read_labelled("{name}")` reads the removals with the answers that hold.

## Licence

Each photo keeps the licence and the author that its row names in `licence` and `author`.

"""


def _agreement(told: Agreement | None) -> str:
    if told is None:
        return "So far no removal has answers by two people, so nothing can be said about agreement."
    return (
        f"Agreement: where two people judged the same removal with yes or no, they said the same in "
        f"{100 * told.share:.1f} % of {told.pairs} pairs of answers on {told.items} removals. Agreement by chance is "
        "not taken off. Counted by the last writer over its own labels."
    )
