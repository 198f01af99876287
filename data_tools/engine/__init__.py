"""Doing the same with every part of a set, here or on many machines.

`work` is made once for each worker (it holds a loaded model, say) and then called with part after part. What it makes
of a part has to be on disk, whole, when the call returns: whoever runs again leaves out what is done. A work that can
leave single records out is also `Careful`, see `deaths`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TypeVar

from data_tools.parts import Part
from rorem.errors import BadOptions
from rorem.triplet import TripletSet

Told = TypeVar("Told")
LOCAL, RAY = "local", "ray"
ENGINES = (LOCAL, RAY)

# What makes the function that does a part. Both have to be picklable for other machines.
MakeWork = Callable[[], Callable[[Part], Told]]


def run(make_work: MakeWork[Told], parts: Sequence[Part], engine: str = LOCAL, workers: int = 1) -> Iterator[Told]:
    """What the work says of each part, as they come. Ray may call it again for a part whose worker was lost.

    Raises what the work raises, BadOptions for an engine that is none, Unavailable without Ray.
    """
    if engine not in ENGINES:
        raise BadOptions(f"There is no engine called {engine!r}.", f"Choose from {', '.join(ENGINES)}.")
    if engine == RAY:
        from data_tools.engine.on_ray import run_on_ray

        yield from run_on_ray(make_work, parts, workers)
        return
    work = make_work()
    for part in parts:
        yield work(part)


def name_everywhere(name: str, set_: TripletSet) -> str:
    """A name by which workers find the same set: a whole path, or one commit of a set from the Hub."""
    if set_.revision:
        return f"{name.partition('@')[0]}@{set_.revision}"
    return str(Path(name).expanduser().absolute())
