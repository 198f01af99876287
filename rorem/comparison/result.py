"""`result.json`: everything that is needed to repeat a comparison. docs/compare.md describes it."""

from __future__ import annotations

import json
import math
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError

from rorem.comparison.record import Cell, Request
from rorem.errors import BadData
from rorem.remover import Road
from rorem.remover.facts import facts, windows

SCHEMA = 1  # counts up when a reader of the old form would misunderstand the new one
FIX = "docs/compare.md tells what it holds."

# The files lie beside result.json, so a name is no path: nothing that was tampered with can lead out of the folder.
FileName = Annotated[str, Field(pattern=r"^\w[\w.-]*$", max_length=200)]
Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Side = Annotated[int, Field(ge=1)]


class Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Kept(Strict):
    """A file. sha256: of its bytes."""

    file: FileName
    sha256: Digest


class Asked(Strict):
    """A `Request`."""

    methods: Annotated[list[str], Field(min_length=1, max_length=100)]
    seed: Annotated[int, Field(ge=0)] = 0
    protocol: Road
    settings: dict[str, dict[str, JsonValue]] = {}
    grow: Annotated[int, Field(ge=0)] | None = None
    order_seed: int | None = None


class WindowRecord(Strict):
    """Where was worked: edges, working width and height, and the reach beyond the mark; in px."""

    left: int
    top: int
    right: int
    bottom: int
    working: tuple[int, int]
    grow: int


class Failure(Strict):
    """An error. kind: its class."""

    kind: str
    sentence: str
    fix: str = ""


class CellRecord(Strict):
    """A `Cell`. label: the letter that stood for the name, "" if it was shown. options: all, with those not asked for.

    sha256: of the result's pixels; see `rorem.comparison.bundle.digest`. metrics: numbers, or "inf" and "nan".
    """

    method: str
    title: str
    label: str = ""
    revision: str = ""
    options: dict[str, JsonValue] = {}
    seed: int
    protocol: Road
    network_calls: int | None = None
    working: list[tuple[int, int]] = []
    windows: list[WindowRecord] = []
    seconds: float | None = None
    peak_memory: int | None = None
    memory: str | None = None
    drift: float | None = None
    score: float | None = None
    notes: list[str] = []
    metrics: dict[str, float | str] = {}
    left_out: dict[str, str] = {}
    error: Failure | None = None
    file: FileName | None = None
    sha256: Digest | None = None
    size: tuple[Side, Side] | None = None


class Result(Strict):
    """The whole file. made: what `rorem.comparison.machine.facts` told. blind: whether names were hidden."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    version: int = Field(default=SCHEMA, alias="schema")
    made: dict[str, str]
    request: Asked
    blind: bool = False
    source: Kept
    mask: Kept
    avoid: Kept | None = None
    truth: Kept | None = None
    montage: FileName = "montage.png"
    cells: list[CellRecord]

    def text(self) -> str:
        return json.dumps(self.model_dump(mode="json", by_alias=True), indent=1, allow_nan=False) + "\n"


def parse(data: bytes) -> Result:
    """Raises BadData in one sentence for what is no result of a comparison."""
    try:
        read = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise BadData("This is not a sound JSON file.", FIX) from error
    if not isinstance(read, dict) or not isinstance(version := read.get("schema"), int):
        raise BadData("This is not the result of a comparison: it names no schema.", FIX)
    if version != SCHEMA:
        raise BadData(f"This result has the schema {version}, and this version of RORem reads {SCHEMA}.", "Update it.")
    try:
        return Result.model_validate(read)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise BadData(f"The result is wrong at {where} ({first['msg']}).", FIX) from error


def asked(request: Request) -> Asked:
    """A request as it stands in the file."""
    return Asked.model_validate(
        {
            "methods": list(request.dealt or request.methods),
            "seed": request.seed,
            "protocol": request.protocol,
            "settings": {method: dict(settings) for method, settings in request.settings.items()},
            "grow": request.grow,
            "order_seed": request.order_seed,
        }
    )


def record_of(cell: Cell, request: Request, label: str = "") -> CellRecord:
    """A cell as it stands in the file, without its picture."""
    told: dict[str, Any] = {
        "method": cell.method,
        "title": cell.title,
        "label": label,
        "seed": request.seed,
        "protocol": request.protocol,
        "options": dict(request.settings.get(cell.method, {})),
        "left_out": dict(cell.left_out),
        "metrics": {id: value if math.isfinite(value) else str(value) for id, value in cell.metrics.items()},
    }
    if cell.error is not None:
        error = cell.error
        told["error"] = {"kind": type(error).__name__, "sentence": str(error), "fix": error.fix}
    if (removal := cell.removal) is not None:
        told |= {
            **facts(removal),
            "options": removal.options.model_dump(mode="json"),
            "seed": removal.seed,
            "working": cell.working,
            "windows": windows(removal),
            "seconds": round(removal.seconds, 3),
            "peak_memory": removal.peak_memory,
            "notes": list(removal.notes),
        }
    return CellRecord.model_validate(told)
