"""Who makes the results that are measured: methods of the catalog, and pictures that were made elsewhere."""

from __future__ import annotations

import hashlib
import json
import os
import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import numpy as np

from rorem import remover
from rorem.errors import BadOptions, BadPicture
from rorem.evaluation.samples import Sample
from rorem.methods import catalog
from rorem.methods.entry import SHAPING
from rorem.picture import open_picture, suffix, to_rgb
from rorem.remover import SAME_PIPELINE, Method, OnStep, Options, Removal, Road
from rorem.remover.facts import windows
from rorem.version import __version__

GIVEN = "given"  # the results that came with the set
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


@dataclass(frozen=True, eq=False)
class Made:
    """A result. picture: uint8 RGB of any size. hole: bool (H, W), where pixels of the source were free to change.

    facts: numbers by the ids of `rorem.evaluation.facts`. told: plain values for the record (windows, notes, rung).
    """

    picture: np.ndarray
    hole: np.ndarray
    facts: Mapping[str, float]
    told: Mapping[str, object] = field(default_factory=dict)


class Maker(Protocol):
    """id: stands in the rows. revision, protocol, options (JSON): likewise. seeded: another seed, another result.
    masked: another mask, another result; pictures that were made elsewhere are what they are."""

    id: str
    seeded: bool
    masked: bool

    @property
    def protocol(self) -> str: ...

    @property
    def revision(self) -> str: ...

    @property
    def options(self) -> str: ...

    @property
    def key(self) -> str:
        """Hash over everything that shapes a result beside sample, mask and seed. Nothing is loaded for it."""
        ...

    def make(self, sample: Sample, mask: np.ndarray, seed: int, on_step: OnStep) -> Made:
        """Raises RoremError, and Cancelled from `on_step`."""
        ...

    def release(self) -> None:
        """Lets go of what is loaded; the next `make` loads it again."""
        ...


class ByMethod:
    """A method of the catalog, never its stand-in. Loaded when first asked for."""

    def __init__(
        self, id: str, settings: Mapping[str, object], protocol: Road = SAME_PIPELINE, grow: int | None = None
    ) -> None:
        """Raises BadOptions for settings that it does not take, Unavailable for an unknown id."""
        entry = catalog.find(id)
        self.id = id
        self.masked = True
        self._road: Road = protocol
        self.seeded = entry.traits.seeded
        self._entry = entry
        self._grow = grow
        self._chosen: Options = entry.parse(dict(settings))
        self._method: Method | None = None

    @property
    def protocol(self) -> str:
        return self._road

    @property
    def revision(self) -> str:
        return self._entry.revision()

    @property
    def options(self) -> str:
        return self._chosen.model_dump_json()

    @property
    def key(self) -> str:
        steering = [os.environ.get(name) for name in SHAPING]
        return _digest(self.id, self.revision, self.protocol, self.options, self._grow, steering, __version__)

    def make(self, sample: Sample, mask: np.ndarray, seed: int, on_step: OnStep) -> Made:
        method = self._loaded()
        gpu = GpuMemory()
        (removal,) = remover.remove(
            sample.picture,
            mask,
            method,
            options=self._chosen,
            seed=seed,
            grow=self._grow,
            protocol=self._road,
            on_step=on_step,
        )
        return Made(to_rgb(removal.picture), removal.hole, _facts(removal, gpu.peak()), _told(removal))

    def release(self) -> None:
        self._method = None  # the shelf of loaded methods keeps it as long as there is room

    def _loaded(self) -> Method:
        if self._method is None:
            self._method = self._entry.load()
            if hasattr(self._method.remover, "warm_up"):  # what a first call costs is no part of a removal's time
                self._method.remover.warm_up(max(self._method.traits.native))  # type: ignore[attr-defined]
        return self._method


class FromFolder:
    """Results that were made elsewhere: for each sample a picture of its name, folders and all, whatever its format."""

    protocol = "made elsewhere"
    revision = ""
    options = "{}"
    seeded = masked = False

    def __init__(self, id: str, folder: Path) -> None:
        """Raises BadOptions for a name that cannot stand for a method, for a folder that is not there, and for one with
        two pictures of one name."""
        if not NAME.fullmatch(id) or id == GIVEN:
            raise BadOptions(f"Results cannot be called {id!r}.", "Use letters, digits, dots and dashes.")
        if any(entry.id == id for entry in catalog.ENTRIES):
            raise BadOptions(f"{id} is a method of RORem.", "Give results from elsewhere another name.")
        if not folder.is_dir():
            raise BadOptions(f"There is no folder {folder} with the results of {id}.", "Use --results NAME=FOLDER.")
        self.id = id
        self._files: dict[str, Path] = {}
        for file in (file for file in sorted(folder.rglob("*")) if _is_picture(file)):
            name = file.relative_to(folder).with_suffix("").as_posix()
            if name in self._files:
                raise BadOptions(f"{folder} has two pictures called {name}.", "Leave the one that is meant.")
            self._files[name] = file

    @property
    def key(self) -> str:
        facts = [(name, file.stat().st_size, file.stat().st_mtime_ns) for name, file in self._files.items()]
        return _digest(self.id, facts)

    def make(self, sample: Sample, mask: np.ndarray, seed: int, on_step: OnStep) -> Made:
        file = self._files.get(sample.name)
        if file is None:
            raise BadPicture(f"{self.id} has no result of this name.", "Name results like the samples.")
        return Made(to_rgb(open_picture(file)), mask, {})

    def release(self) -> None: ...


class Given:
    """The results that came with the set itself."""

    id = GIVEN
    protocol = "made elsewhere"
    revision = ""
    options = "{}"
    seeded = masked = False
    key = "given"

    def make(self, sample: Sample, mask: np.ndarray, seed: int, on_step: OnStep) -> Made:
        if sample.given is None:
            raise BadPicture("The set has no result of its own for it.", "Leave out the method `given`.")
        return Made(sample.given, mask, {})

    def release(self) -> None: ...


class GpuMemory:
    """The most that torch held on the GPU since this was made; nothing where torch or a GPU is not in use."""

    def __init__(self) -> None:
        torch = sys.modules.get("torch")  # a method that has no network must not pay for importing it
        in_use = torch is not None and torch.cuda.is_available() and torch.cuda.is_initialized()
        self._read: Callable[[], int] | None = torch.cuda.max_memory_allocated if torch and in_use else None
        if torch and in_use:
            torch.cuda.reset_peak_memory_stats()

    def peak(self) -> int | None:
        return self._read() if self._read else None


def _facts(removal: Removal, peak_gpu: int | None) -> dict[str, float]:
    told = {
        "latency": removal.seconds,
        "peak_memory": removal.peak_memory,
        "peak_gpu_memory": peak_gpu,
        "network_calls": removal.network_calls,
        "drift": removal.drift,
    }
    return {id: float(value) for id, value in told.items() if value is not None}


def _told(removal: Removal) -> dict[str, object]:
    return {
        "windows": windows(removal),
        "notes": list(removal.notes),
        "rung": removal.rung,
        "options": removal.options.model_dump_json(),
    }


def _is_picture(file: Path) -> bool:
    try:
        return file.is_file() and bool(suffix(file.suffix))
    except ValueError:
        return False


def _digest(*parts: object) -> str:
    return hashlib.sha256(json.dumps(parts, default=str).encode()).hexdigest()
