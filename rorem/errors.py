"""What can go wrong, in one plain sentence for the person at the screen.

Library code raises these and never prints or exits. `str(error)` is the sentence; `error.fix` says what to do about it.
"""

from __future__ import annotations


class RoremError(Exception):
    """Base of all errors that a person may read as they are."""

    fix = ""

    def __init__(self, sentence: str, fix: str = "") -> None:
        super().__init__(sentence)
        self.fix = fix or self.fix

    @property
    def advice(self) -> str:
        """The sentence and the fix, as one line."""
        return f"{self} {self.fix}".strip()


class BadPicture(RoremError):
    """The file is not a photo that can be opened."""

    fix = "Try another file, or save it again as JPEG or PNG."


class BadMask(RoremError):
    """The mask does not say what should go."""

    fix = "Paint over what should go and leave the rest free."


class BadData(RoremError):
    """A data set, or one record of it, that cannot be read."""

    fix = "docs/evaluate.md tells what a data set looks like."


class BadOptions(RoremError):
    """A setting that the method does not know or a value out of its range."""

    fix = "`rorem methods --json` lists the settings of every method."


class MissingWeights(RoremError):
    """The method needs files that are not on this machine."""


class BadWeights(RoremError):
    """A weight file is damaged, or holds something else than the method needs."""

    fix = "Delete it and fetch it again; `rorem weights list` says where each file lies."


class Unavailable(RoremError):
    """The method cannot run on this machine."""

    fix = "Choose another method."


class OutOfMemory(RoremError):
    """The work did not fit into memory."""

    fix = "Mark a smaller area, or choose a lighter method."


class Cancelled(RoremError):
    """The person stopped the work."""

    def __init__(self, sentence: str = "Stopped. Your photo and your marks are as they were.") -> None:
        super().__init__(sentence)
