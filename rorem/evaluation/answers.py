"""What people said of removals: a file of answers, for the share of removals that people accept.

CSV, or JSON lines in a .jsonl file, with the columns sample (its name or content hash), method, verdict (yes or no)
and, if several seeds were judged, seed. Other verdicts, such as skip, are no answer.
"""

from __future__ import annotations

import csv
import io
import json
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path

from rorem.errors import BadData

Answers = Mapping[tuple[str, str, int | None], list[bool]]  # by sample, method and seed; None = whatever the seed
FIX = "It needs the columns sample, method and verdict."
SAID = {"yes": True, "no": False}


def read(path: Path) -> Answers:
    """Raises BadData."""
    found: dict[tuple[str, str, int | None], list[bool]] = defaultdict(list)
    try:
        for record in _records(path):
            verdict = SAID.get(str(record["verdict"]).strip().lower())
            seed = record.get("seed")
            if verdict is not None:
                key = str(record["sample"]), str(record["method"]), None if seed in (None, "") else int(str(seed))
                found[key].append(verdict)
    except OSError as error:
        raise BadData(f"{path} cannot be read: {(error.strerror or str(error)).lower()}.", FIX) from error
    except (KeyError, ValueError, TypeError, AttributeError, csv.Error) as error:
        raise BadData(f"{path} is not a list of answers.", FIX) from error
    return found


def accepted(answers: Answers, samples: tuple[str, str], method: str, seed: int) -> float | None:
    """1, 0, or a half for a tie: what the majority says of one removal; None without an answer.

    samples: the content hash and the name, either of which an answer may go by.
    """
    said = [one for sample in samples for key in (seed, None) for one in answers.get((sample, method, key), [])]
    if not said:
        return None
    share = sum(said) / len(said)
    return 0.5 if share == 0.5 else float(share > 0.5)


def _records(path: Path) -> Iterator[Mapping[str, object]]:
    text = path.read_text("utf-8-sig")
    if path.suffix.lower() == ".jsonl":
        return (json.loads(line) for line in text.splitlines() if line.strip())
    return iter(csv.DictReader(io.StringIO(text)))
