"""An annotator in a process of its own, for tests of several at once and of killed ones.

`python -m tests.labels.worker ADDRESS FOLDER ANNOTATOR MOST`: takes items and answers them, and writes a line to stdout
when an answer is confirmed: hand-out, item and verdict. Ends when there is nothing left, or after MOST answers.
"""

from __future__ import annotations

import sys
from pathlib import Path

from rorem.labels.queue import Queue
from rorem.labels.store import Store
from tests.labels.samples import PLAIN

VERDICTS = ("yes", "no", "mask_wrong")


def verdict_of(item: str) -> str:
    """What this annotator thinks of an item: told by the item alone, so that a mix-up is seen."""
    return VERDICTS[int(item[-4:], 16) % len(VERDICTS)]


def main(address: str, folder: str, annotator: str, most: int) -> None:
    store = Store(address, Path(folder))
    queue = Queue(store, PLAIN)
    done = 0
    while done < most and (lent := queue.lent(annotator, 3)):
        for handout in lent:
            verdict = verdict_of(handout.item)
            queue.answer(handout.id, annotator, verdict, seconds=1.0)
            sys.stdout.write(f"{handout.id} {handout.item} {verdict}\n")
            sys.stdout.flush()
            done += 1
    store.close()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4]))
