"""The card of a published set: what is in it, for people, and where its parts lie, for `load_dataset`."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

from data_tools.publish.counts import PARTS, Counts
from rorem.triplet.columns import COLUMNS, IMAGE

SPLITS = ("train", "validation", "test")
FOLDER = "data"
MOST = 40  # values of a column that the card lists; the others are summed up
DEFAULT = "default"
_SIGNS = re.compile(r"([\\`*_{}\[\]<>#|])")
ABOUT = {
    "id": "hash of the hashes of source, mask and result",
    "source": "the photo, as it was",
    "mask": "white = to be removed",
    "result": "a removal",
    "truth": "the photo without the thing, where that is known",
    "effect": "a mask of shadows and reflections",
    "sha256_source": "of the bytes of the picture; so are the next two",
    "method": "what made the result",
    "revision": "of its weights",
    "options": "its settings, JSON",
    "protocol": "the road that the removal took",
    "network_calls": "how often the network was asked",
    "round": "of making data; 0 = the start",
    "accepted_by": "human, judge, truth or none",
    "p_yes": "probability that people say yes, if it is known",
    "votes_yes": "people who said yes",
    "votes_no": "people who said no",
    "licence": "of the photo",
    "author": "of the photo",
    "extra": "all else that is known, JSON",
}


def card(
    before: str,
    name: str,
    split: str,
    files: Iterable[str],
    counts: Counts,
    licence: str = "",
    notes: Sequence[str] = (),
) -> str:
    """The text of README.md. before: as it is now; what others wrote there stays, but our section on this split.

    files: all paths in the data set after the commit. licence: as the Hub calls it; "" = as the card says already, else
    "other". notes: lines of a round's manifest.
    """
    told, text = _apart(before)
    told["license"] = licence or told.get("license") or "other"
    told.setdefault("tags", ["object-removal", "image-inpainting"])
    others = [one for one in _list(told.get("configs")) if one.get("config_name") != DEFAULT]
    told["configs"] = [{"config_name": DEFAULT, "data_files": list(_data_files(files))}, *others]
    begin, end = f"<!-- rorem:set {split} -->", f"<!-- rorem:end {split} -->"
    section = f"{begin}\n{_section(name, split, counts, notes)}{end}"
    if begin in text and end in text.partition(begin)[2]:
        above, _, rest = text.partition(begin)
        text = f"{above}{section}{rest.partition(end)[2]}"
    else:
        text = f"{text}\n\n{section}" if text else f"# {name.partition('/')[2]}\n\n{section}"
    return f"---\n{_yaml(told)}---\n\n{text}\n"


def shard_path(split: str, number: int, count: int) -> str:
    """Where a shard lies in the data set."""
    return f"{FOLDER}/{split}-{number:05}-of-{count:05}.parquet"


def is_shard(path: str, split: str) -> bool:
    """Whether a file is a shard of this split, of however many."""
    return re.fullmatch(rf"{FOLDER}/{split}-\d{{5}}-of-\d{{5}}\.parquet", path) is not None


def _apart(before: str) -> tuple[dict[str, object], str]:
    """What its head says, and its text."""
    from huggingface_hub import DatasetCard

    if not before.strip():
        return {}, ""
    try:
        old = DatasetCard(before, ignore_metadata_errors=True)
    except Exception:  # whatever the reader of YAML raises: a broken head must not be in the way
        return {}, (before.split("---", 2)[2] if before.count("---") > 1 else before).strip()
    told = {key: value for key, value in old.data.to_dict().items() if key != "dataset_info"}  # sums of the old files
    return told, old.text.strip()


def _list(value: object) -> list[Mapping[str, object]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _data_files(files: Iterable[str]) -> Iterator[dict[str, str]]:
    files = list(files)
    for split in SPLITS:
        if any(is_shard(path, split) for path in files):
            yield {"split": split, "path": f"{FOLDER}/{split}-*.parquet"}


def _yaml(told: dict[str, object]) -> str:
    from huggingface_hub.utils import yaml_dump

    return yaml_dump(told, sort_keys=False)


def _section(name: str, split: str, counts: Counts, notes: Sequence[str]) -> str:
    parts = ", ".join(f"{counts.having[part]:,} with {part}" for part in PARTS)
    written = [
        f"## {split}\n\n{counts.records:,} records: photos with a mask of what is to be removed ({parts}); "
        f"{counts.pictures / 1e9:.2f} GB of pictures. Written with RORem.\n\n"
        f'```python\nfrom datasets import load_dataset\n\nload_dataset("{name}", split="{split}")\n```\n'
    ]
    titles = (("method", "Method"), ("category", "Category"), ("round", "Round"), ("accepted_by", "Accepted by"))
    written += (_table(title, counts.by[key], counts.records) for key, title in titles)
    if notes:
        lines = "\n".join(f"    {line}" for line in notes)
        written.append(f"### How the round came about\n\n{lines}\n")
    written.append(_columns())
    written.append(
        "### Licences and authors\n\nEach photo keeps the licence and the author that its row names in `licence` and "
        "`author`. The licence of this data set does not change that.\n"
    )
    written += (
        _table(title, counts.by[key], counts.records) for key, title in (("licence", "Licence"), ("author", "Author"))
    )
    return "\n".join(written) + "\n"


def _table(title: str, counted: Counter[str], total: int) -> str:
    """Most frequent first; equal ones by name."""
    ordered = sorted(counted.items(), key=lambda one: (-one[1], one[0]))
    rows = [(_plain(value) or "not said", count) for value, count in ordered[:MOST]]
    if rest := ordered[MOST:]:
        rows.append((f"{len(rest):,} others", sum(count for _, count in rest)))
    lines = "\n".join(f"| {value} | {count:,} | {100 * count / max(1, total):.1f} % |" for value, count in rows)
    return f"| {title} | records | share |\n|---|---:|---:|\n{lines}\n"


def _columns() -> str:
    lines = "\n".join(
        f"| `{name}` | {'picture' if kind == IMAGE else kind} | {ABOUT.get(name, '')} |"
        for name, kind in COLUMNS.items()
    )
    return f"### Columns\n\n| column | type | |\n|---|---|---|\n{lines}\n"


def _plain(text: str) -> str:
    """A value from a file as it may stand in a table: short, on one line, and no markup."""
    text = "".join(sign if sign.isprintable() else " " for sign in text)
    return _SIGNS.sub(r"\\\1", text if len(text) <= 80 else f"{text[:80]}...")
