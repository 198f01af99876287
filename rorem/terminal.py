"""How commands speak: results to stdout, complaints to stderr, and no error that was foreseen as a traceback."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import typer

from rorem.errors import BadWeights, MissingWeights, RoremError

STOPPED = 130  # the exit code that shells expect after Ctrl-C


@contextmanager
def in_sentences() -> Iterator[None]:
    """Tells errors that were foreseen in one sentence, and leaves: 2 for wrong input, 1 for what is amiss here."""
    try:
        yield
    except RoremError as error:
        complain(error.advice)
        raise typer.Exit(1 if isinstance(error, MissingWeights | BadWeights) else 2) from error
    except OSError as error:
        complain(f"{error.filename or 'A file'} could not be used: {(error.strerror or str(error)).lower()}.")
        raise typer.Exit(1) from error


def complain(text: str) -> None:
    say(text, err=True)


def say(text: str, err: bool = False) -> None:
    """Prints a line; see `plain`."""
    typer.echo(plain(text), err=err)


def plain(text: str) -> str:
    """Without the control characters that names from elsewhere may hold."""
    return "".join(sign if sign.isprintable() else "\N{REPLACEMENT CHARACTER}" for sign in text)


def size(count: int) -> str:
    """Bytes for a person."""
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:.0f} MB"
