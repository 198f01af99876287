"""What the catalog knows of a method without loading it."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from pydantic import ValidationError

from rorem.errors import BadOptions, MissingWeights, Unavailable
from rorem.remover import Method, Options, Remover, Traits


@dataclass(frozen=True)
class WeightFile:
    """One published file, pinned. bytes and sha256 are of the file as the Hub serves it."""

    name: str
    bytes: int
    sha256: str


@dataclass(frozen=True)
class Weights:
    """Published weights: a Hub repository at a fixed revision, and the files needed from it."""

    repository: str
    revision: str
    files: tuple[WeightFile, ...]

    @property
    def bytes(self) -> int:
        return sum(file.bytes for file in self.files)


@dataclass(frozen=True)
class State:
    """Whether a method can run here and now. why: one plain sentence unless it is ready. bytes: still to download."""

    kind: Literal["ready", "download", "unavailable"]
    why: str = ""
    bytes: int = 0


READY = State("ready")


@dataclass(frozen=True)
class Entry:
    """A method as the catalog lists it.

    title, summary: in a visitor's words. paper: a citation or "". licence: of code and weights.
    memory: bytes needed at its native size, about. devices: where it runs.
    options: its settings. remover: where the class is, as "module:Class"; imported only when loaded.
    probe: tells the state without loading anything.
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
    weights: Weights | None = None
    fallback: str = ""

    @property
    def id(self) -> str:
        return self.traits.id

    def state(self) -> State:
        return self.probe()

    def parse(self, settings: dict[str, object]) -> Options:
        """Settings by name as this method's options. Raises BadOptions in one sentence for the first that is wrong."""
        try:
            return self.options.model_validate(settings)
        except ValidationError as error:
            first = error.errors()[0]
            name = ".".join(str(part) for part in first["loc"])
            if first["type"] == "extra_forbidden":
                raise BadOptions(f"{self.title} has no setting called {name}.") from error
            raise BadOptions(f"{self.title} cannot take {name} = {first['input']}: {first['msg']}.") from error

    def load(self) -> Method:
        """The method, ready to fill. Raises Unavailable or MissingWeights with the reason."""
        state = self.state()
        if state.kind == "unavailable":
            raise Unavailable(state.why)
        if state.kind == "download":
            raise MissingWeights(state.why)
        module, _, name = self.remover.partition(":")
        remover: Remover = getattr(importlib.import_module(module), name)()
        return Method(self.traits, remover)
