"""What the catalog knows of a method without loading it."""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from pydantic import ValidationError

from rorem.errors import BadOptions, MissingWeights, Unavailable
from rorem.methods.loaded import NETWORKS
from rorem.remover import Method, Options, Remover, Traits
from rorem.weights import ByHand, Part, locate, obstacle, revision_of


@dataclass(frozen=True)
class State:
    """Whether a method can run here and now. why: one plain sentence unless it is ready. bytes: still to download, 0
    where that is not published."""

    kind: Literal["ready", "download", "unavailable"]
    why: str = ""
    bytes: int = 0


READY = State("ready")
STEERING = ("ROREM_DEVICE", "ROREM_DTYPE", "ROREM_COMPILE")  # what a loaded network depends on
SHAPING = (*STEERING, "ROREM_MEMORY")  # and what a result may depend on


@dataclass(frozen=True)
class Entry:
    """A method as the catalog lists it.

    title, summary: in a visitor's words. paper: a citation or "". licence: of code and weights.
    memory: bytes needed at its native size, about. devices: where it runs.
    options: its settings. remover: where the class is, as "module:Class"; imported only when loaded.
    probe: tells, without loading anything, whether the packages are there; weights are looked for here.
    ways: sets of parts, each of which will do; the first that is on this machine is used.
    The class is made with the folders, by names of parts; without ways, with nothing.
    fallback: the id of the method that takes over where this one cannot run, or "".
    """

    traits: Traits
    title: str
    summary: str
    paper: str
    licence: str
    memory: int
    devices: tuple[str, ...]
    options: type[Options]
    remover: str
    probe: Callable[[], State]
    ways: tuple[tuple[Part, ...], ...] = ()
    fallback: str = ""

    @property
    def id(self) -> str:
        return self.traits.id

    def state(self) -> State:
        state = self.probe()
        if state.kind != "ready" or not self.ways or self.folders() is not None:
            return state
        size = sum(part.bytes for part in self.missing())
        return State("download", f"Get them with: rorem weights pull {self.id}", size)

    def missing(self) -> tuple[Part, ...]:
        """What has to be fetched: of the way that needs the fewest downloads by hand, the parts that are not here."""
        lacking = [tuple(part for part in way if locate(part) is None) for way in self.ways]
        return min(lacking, key=lambda parts: sum(isinstance(part.source, ByHand) for part in parts), default=())

    def folders(self) -> Mapping[str, Path] | None:
        """Where the parts of the first way that is complete lie; None where none is."""
        for way in self.ways:
            found = {part.name: folder for part in way if (folder := locate(part)) is not None}
            if len(found) == len(way):
                return found
        return None

    def revision(self) -> str:
        """Of the weights that are here; without weights, the entry's own."""
        folders = self.folders() if self.ways else None
        if folders is None:
            return self.traits.revision
        return ", ".join(f"{part} {revision_of(folder)}" for part, folder in sorted(folders.items()))

    def parse(self, settings: dict[str, object]) -> Options:
        """Settings by name as this method's options. Raises BadOptions in one sentence for the first that is wrong."""
        try:
            return self.options.model_validate(settings)
        except ValidationError as error:
            first = error.errors()[0]
            name = ".".join(str(part) for part in first["loc"])
            if first["type"] == "extra_forbidden":
                raise BadOptions(f"{self.title} has no setting called {name}.") from error
            raise BadOptions(
                f"{self.title} cannot take {name} = {first['input']}{self._range(name)}.",
                f"`rorem methods {self.id}` lists its settings.",
            ) from error

    def _range(self, name: str) -> str:
        """What a setting takes, as the end of a sentence."""
        field = self.options.model_json_schema()["properties"].get(name, {})
        if "enum" in field:
            return f"; it takes {' or '.join(map(str, field['enum']))}"
        if "minimum" in field and "maximum" in field:
            return f"; it takes {field['minimum']:g} to {field['maximum']:g}"
        return ""

    def load(self) -> Method:
        """The method, ready to fill. Raises Unavailable, MissingWeights or BadWeights with the reason."""
        state = self.state()
        if state.kind == "unavailable":
            raise Unavailable(f"{self.title} cannot run here. {state.why}")
        if state.kind == "download":
            why = next(filter(None, map(obstacle, self.missing())), "")
            raise MissingWeights(f"The weights of {self.title} are not on this machine. {why}".strip(), state.why)
        module, _, name = self.remover.partition(":")
        folders = self.folders()
        if not self.ways or folders is None:
            return Method(self.traits, getattr(importlib.import_module(module), name)())
        # Torch and friends are imported only here: the catalog answers without them.
        key = (self.id, *sorted(map(str, folders.values())), *map(os.environ.get, STEERING))
        return NETWORKS.get(key, self.memory, lambda: self._made(module, name, folders))

    def _made(self, module: str, name: str, folders: Mapping[str, Path]) -> Method:
        made: Callable[[Mapping[str, Path]], Remover] = getattr(importlib.import_module(module), name)
        return Method(replace(self.traits, revision=self.revision()), made(folders))
