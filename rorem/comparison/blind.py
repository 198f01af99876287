"""Hidden names: who does not know which method made a result judges the result."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence

from rorem.comparison.record import Cell, Request

HIDDEN_FAILURE = "This one failed. Show the names to read why."  # its own sentence mostly tells which method it is


def shuffled(methods: Iterable[str], order_seed: int) -> tuple[str, ...]:
    """The methods in an order that only the seed decides: the same everywhere, whatever order they came in."""
    return tuple(sorted(dict.fromkeys(methods), key=lambda id: hashlib.sha256(f"{order_seed}:{id}".encode()).digest()))


def letters(methods: Iterable[str], order_seed: int) -> dict[str, str]:
    """For each method the letter that stands for its name, A for the first of `shuffled`; in that order."""
    return {method: letter(index) for index, method in enumerate(shuffled(methods, order_seed))}


def letters_of(request: Request) -> dict[str, str]:
    """`letters` of a request; those of a part of a comparison are the letters of the whole."""
    return letters(request.dealt or request.methods, request.order_seed or 0)


def in_order(cells: Sequence[Cell], request: Request) -> list[Cell]:
    """The cells, which come in the order of running, in the order that a person sees."""
    methods = request.methods if request.order_seed is None else tuple(letters_of(request))
    return sorted(cells, key=lambda cell: methods.index(cell.method))


def letter(index: int) -> str:
    """A to Z for 0 to 25, then AA, AB and so on."""
    name = ""
    index += 1
    while index:
        index, rest = divmod(index - 1, 26)
        name = chr(ord("A") + rest) + name
    return name
