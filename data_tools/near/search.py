"""Exact search for hashes that differ in a few bits only, among hundreds of thousands.

The 64 bits are dealt out to m pieces. Two hashes that differ in at most d bits differ in at most d // m bits of one
piece, or they would differ in more than d altogether. So each piece is looked up in a table of that piece, with every
change of so few bits, and only what is found there is compared in full; none is missed. This is the search of Norouzi,
Punjani and Fleet, "Fast search in Hamming space with multi-index hashing" (CVPR 2012).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations
from math import comb

import numpy as np

BITS = 64
MOST = 16  # bits of distance: photos that differ in more are not alike anyway, and a search would be slow
WIDEST = 22  # bits of a piece: its table has an entry for every value
AT_ONCE = 1 << 20  # comparisons held in memory at once: about 50 MB


def near_pairs(hashes: np.ndarray, distance: int) -> np.ndarray:
    """All pairs of different positions whose hashes differ in at most `distance` bits, each once, sorted.

    hashes: uint64 (N,). Returns int64 (P, 2), the smaller position first. Equal hashes are near, too: where many are,
    hand in each once. Raises ValueError for a distance that is not 0 to 16.
    """
    if not 0 <= distance <= MOST:
        raise ValueError(f"a distance of {distance}")
    hashes = np.asarray(hashes, np.uint64)
    pieces, reach = _dealt(len(hashes), distance)
    found = [np.zeros((0, 2), np.int64)]
    for number, piece in enumerate(pieces):
        for pairs in _within(hashes, piece, reach, distance):
            unlike = hashes[pairs[:, 0]] ^ hashes[pairs[:, 1]]
            first = np.ones(len(pairs), bool)  # near in no earlier piece, or it would be found twice
            for earlier in pieces[:number]:
                first &= np.bitwise_count(unlike & earlier.mask) > reach
            found.append(pairs[first])
    every = np.sort(np.concatenate(found), axis=1)
    return every[np.lexsort((every[:, 1], every[:, 0]))]


def nearest(hashes: np.ndarray, others: np.ndarray, distance: int) -> np.ndarray:
    """For each hash the position of the first of `others` that differs in the fewest bits; -1 if none is near enough.

    hashes, others: uint64 (N,), (M,). Returns int64 (N,). Every one is compared with every other.
    """
    hashes, others = np.asarray(hashes, np.uint64), np.asarray(others, np.uint64)
    best = np.full(len(hashes), distance + 1, np.uint8)
    at = np.full(len(hashes), -1, np.int64)
    for number, other in enumerate(others):
        far = np.bitwise_count(hashes ^ other)
        if (nearer := far < best).any():
            best[nearer], at[nearer] = far[nearer], number
    return at


@dataclass(frozen=True)
class _Piece:
    """Some of the 64 bits, by their numbers."""

    bits: tuple[int, ...]

    @property
    def mask(self) -> np.uint64:
        return np.uint64(sum(1 << bit for bit in self.bits))

    def of(self, hashes: np.ndarray) -> np.ndarray:
        """These bits as numbers, int64 (N,)."""
        parts = (((hashes >> np.uint64(bit)) & np.uint64(1)) << np.uint64(at) for at, bit in enumerate(self.bits))
        return sum(parts, np.zeros(len(hashes), np.uint64)).astype(np.int64)


def _dealt(count: int, distance: int) -> tuple[list[_Piece], int]:
    """The pieces that need the least work for so many hashes, and in how many bits a piece may differ.

    Bits are dealt out in turn: neighbours are alike in what they say, and a piece should say as much as any other.
    """

    def work(pieces: int) -> float:
        width, reach = BITS // pieces, distance // pieces
        changes = sum(comb(width, flips) for flips in range(reach + 1))
        return pieces * changes * (count / 2**width + 1)

    fewest = -(-BITS // WIDEST)
    pieces = min(range(fewest, max(fewest, distance + 1) + 1), key=work)
    return [_Piece(tuple(range(first, BITS, pieces))) for first in range(pieces)], distance // pieces


def _within(hashes: np.ndarray, piece: _Piece, reach: int, distance: int) -> Iterator[np.ndarray]:
    """Pairs that differ in at most `reach` bits of a piece and `distance` altogether, int64 (P, 2) each time."""
    keys = piece.of(hashes)
    order = np.argsort(keys, kind="stable")
    keys, hashes = keys[order], hashes[order]
    ends = np.cumsum(np.bincount(keys, minlength=1 << len(piece.bits)))
    starts = np.r_[0, ends[:-1]]
    rows = np.arange(len(keys))
    for change in _changes(len(piece.bits), reach):
        # Of two keys that differ by the change, one has its lowest bit: each pair is looked up from the other one.
        some = rows if not change else rows[(keys & (change & -change)) == 0]
        wanted = keys[some] ^ change
        first = some + 1 if not change else starts[wanted]
        for one, other in _expanded(some, first, ends[wanted] - first):
            near = np.bitwise_count(hashes[one] ^ hashes[other]) <= distance
            yield np.stack([order[one[near]], order[other[near]]], axis=1)


def _changes(width: int, reach: int) -> Iterator[int]:
    """Every number of so many bits with at most `reach` ones, 0 first."""
    for flips in range(reach + 1):
        for bits in combinations(range(width), flips):
            yield sum(1 << bit for bit in bits)


def _expanded(rows: np.ndarray, first: np.ndarray, counts: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Each row beside each of the `counts` positions from `first` on; about AT_ONCE of them each time."""
    there = counts > 0
    rows, first, counts = rows[there], first[there], counts[there]
    ends = np.cumsum(counts)
    begin = 0
    while begin < len(rows):
        before = ends[begin - 1] if begin else 0
        end = max(begin + 1, int(np.searchsorted(ends, before + AT_ONCE, side="right")))
        often = counts[begin:end]
        offset = first[begin:end] - (ends[begin:end] - often - before)
        yield np.repeat(rows[begin:end], often), np.repeat(offset, often) + np.arange(int(often.sum()))
        begin = end
