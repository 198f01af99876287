"""The one list of methods. It answers without loading anything."""

from __future__ import annotations

from rorem.errors import RoremError, Unavailable
from rorem.methods.entry import READY, Entry, State
from rorem.methods.patchmatch import PatchMatchOptions
from rorem.methods.telea import TeleaOptions
from rorem.remover import Method, Traits

def _patchmatch_state() -> State:
    try:
        import patchmatch
    except ImportError:
        return State("unavailable", "The package pypatchmatch is not installed.")
    return READY if patchmatch.patchmatch_available else State("unavailable", "Its native library does not load here.")


PATCHMATCH = Entry(
    traits=Traits(id="patchmatch", revision="pypatchmatch 2.2", grow=0.008),
    title="Quick fill",
    summary="Copies from this photo. Good on grass, sand, water, walls, foliage; it cannot invent what the photo does not show.",
    paper="Barnes et al., PatchMatch, SIGGRAPH 2009; Wexler et al., Space-Time Completion of Video, PAMI 2007",
    licence="MIT",
    memory=500_000_000,
    devices=("cpu",),
    options=PatchMatchOptions,
    remover="rorem.methods.patchmatch:PatchMatch",
    probe=_patchmatch_state,
    fallback="telea",
)
TELEA = Entry(
    traits=Traits(id="telea", revision="opencv 5", grow=0.008, seeded=False),
    title="Smooth fill",
    summary="Lets the colours around flow in. Instant; right for scratches and specks on plain ground, a smear elsewhere.",
    paper="Telea, An Image Inpainting Technique Based on the Fast Marching Method, JGT 2004",
    licence="Apache-2.0",
    memory=100_000_000,
    devices=("cpu",),
    options=TeleaOptions,
    remover="rorem.methods.telea:Telea",
    probe=lambda: READY,
)
ENTRIES: tuple[Entry, ...] = (PATCHMATCH, TELEA)
DEFAULT = "patchmatch"


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


def load(id: str) -> Method:
    """The method with this id, or the one that stands in for it where it cannot run (the method's notes then say so)."""
    entry = find(id)
    try:
        return entry.load()
    except RoremError as error:
        if not entry.fallback:
            raise
        stand_in = find(entry.fallback)
        method = stand_in.load()
        return Method(method.traits, method.remover, (f"{entry.title} cannot run here ({error}) {stand_in.title} was used.",))
