"""The one list of methods. It answers without loading anything."""

from __future__ import annotations

from collections.abc import Mapping

from rorem.errors import RoremError, Unavailable
from rorem.methods import (
    lama,
    migan,
    patchmatch,
    powerpaint_v1,
    powerpaint_v2_1,
    rorem,
    rorem_4s,
    rorem_mixed,
    sdxl_inp,
    telea,
)
from rorem.methods.entry import Entry
from rorem.remover import Method, Options

ENTRIES: tuple[Entry, ...] = (
    patchmatch.ENTRY,
    telea.ENTRY,
    lama.ENTRY,
    migan.ENTRY,
    sdxl_inp.ENTRY,
    powerpaint_v1.ENTRY,
    powerpaint_v2_1.ENTRY,
    rorem.ENTRY,
    rorem_mixed.ENTRY,
    rorem_4s.ENTRY,
)
DEFAULT = patchmatch.ENTRY.id


def find(id: str) -> Entry:
    """The entry with this id. Raises Unavailable, naming the ids there are."""
    entry = next((entry for entry in ENTRIES if entry.id == id), None)
    if entry is None:
        raise Unavailable(f"There is no method called {id!r}.", f"Choose one of: {', '.join(e.id for e in ENTRIES)}.")
    return entry


def default() -> Entry:
    """The first method that is ready, the default one before all others."""
    ready = [entry for entry in ENTRIES if entry.state().kind == "ready"]
    return next((entry for entry in ready if entry.id == DEFAULT), ready[0])


def acting(id: str) -> Entry:
    """The entry that would do the work of this one as things are: itself, or what stands in for it."""
    entry = find(id)
    return find(entry.fallback) if entry.fallback and entry.state().kind != "ready" else entry


def load(id: str) -> Method:
    """The method with this id, or the one that stands in where it cannot run (the method's notes then say so)."""
    entry = find(id)
    try:
        return entry.load()
    except RoremError as error:
        if not entry.fallback:
            raise
        stand_in = find(entry.fallback)
        method = stand_in.load()
        told = f"{entry.title} cannot run here, so {stand_in.title} was used instead. {error.advice}"
        return Method(method.traits, method.remover, (told,))


def prepare(id: str, settings: Mapping[str, object]) -> tuple[Method, Options]:
    """A loaded method and its options. A stand-in runs with settings of its own.

    Raises Unavailable, MissingWeights, and BadOptions for settings that the method asked for does not take.
    """
    options = find(id).parse(dict(settings))
    method = load(id)
    return method, options if method.traits.id == id else find(method.traits.id).parse({})
