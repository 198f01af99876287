"""What every training run can be told, and how a file and the command line say it.

A run's settings are one flat record. A file is YAML with the record's names; `extends: other.yaml` starts from another
file beside it. `--name value` on the command line goes over both.
"""

from __future__ import annotations

from difflib import get_close_matches
from pathlib import Path
from typing import Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from rorem.errors import BadOptions

EXTENDS = "extends"
DEEPEST = 8  # files that extend one another


class LoopSettings(BaseModel):
    """What the loop itself goes by; a task adds its own."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    out: Path = Field(
        default=Path("runs/run"), description="Folder of the run: checkpoints, log, pictures, the result."
    )
    seed: int = Field(
        default=0, ge=0, description="Of everything that is drawn: order, augmentation, noise, timesteps."
    )
    steps: int = Field(default=50_000, ge=1, description="Updates of the weights.")
    batch: int = Field(default=1, ge=1, description="Samples a process takes at once.")
    accumulate: int = Field(default=1, ge=1, description="Batches of a process for one update.")
    workers: int = Field(default=2, ge=0, description="Processes that read samples, for each training process.")

    optimizer: Literal["adamw", "adamw8bit"] = Field(
        default="adamw", description="adamw8bit needs bitsandbytes and a GPU."
    )
    lr: float = Field(default=5e-5, gt=0, description="Learning rate after the warm-up.")
    schedule: Literal["constant", "cosine", "linear"] = Field(
        default="constant", description="From lr down to 0, or not."
    )
    warmup: int = Field(default=0, ge=0, description="Updates in which the learning rate rises from 0.")
    beta1: float = Field(default=0.9, ge=0, lt=1)
    beta2: float = Field(default=0.999, ge=0, lt=1)
    weight_decay: float = Field(default=0.01, ge=0)
    eps: float = Field(default=1e-8, gt=0)
    clip: float = Field(default=1.0, ge=0, description="Most that the gradient's norm may be; 0 = whatever it is.")

    ema: float = Field(default=0.0, ge=0, lt=1, description="Decay of the averaged weights at the end; 0 = no average.")
    ema_power: float = Field(default=2 / 3, gt=0, description="How quickly the average's decay rises to that.")

    precision: Literal["auto", "no", "bf16", "fp16"] = Field(
        default="auto", description="auto: as accelerate is configured."
    )
    compile: bool = Field(default=False, description="torch.compile of the repeated blocks.")

    checkpoint_every: int = Field(default=1000, ge=1, description="Updates.")
    keep: int = Field(default=3, ge=1, description="Checkpoints kept, besides the best.")
    validate_every: int = Field(default=1000, ge=0, description="Updates; 0 = never.")
    log_every: int = Field(default=10, ge=1, description="Updates.")
    tracker: Literal["none", "tensorboard", "wandb"] = Field(
        default="none", description="Where the curves go besides the log."
    )

    nan_limit: int = Field(
        default=10, ge=1, description="Updates in a row without a finite loss after which the run stops."
    )
    bad_limit: int = Field(default=100, ge=0, description="Different records that cannot be read after which it stops.")


# What may change between a checkpoint and the run that goes on from it: it does not change what is learned.
FREE = frozenset(
    {"out", "steps", "workers", "checkpoint_every", "keep", "validate_every", "log_every", "tracker"}
    | {"nan_limit", "bad_limit", "validation", "cache", "cache_batch"}
)

Settings = TypeVar("Settings", bound=LoopSettings)


def read_settings(kind: type[Settings], file: Path | None, given: dict[str, Any]) -> Settings:
    """The settings of a file, if any, with what was given besides. given: by name, values as text or as they are.

    Raises BadOptions in one sentence: no such file, no such name (with the nearest right one), a value that is none.
    """
    told = {**(_of_file(file) if file else {}), **given}
    for name in told:
        if name not in kind.model_fields:
            raise BadOptions(f"There is no setting {name}.", _nearest(name, kind))
    try:
        return kind.model_validate(told)
    except ValidationError as error:
        first = error.errors()[0]
        what = first["msg"].removeprefix("Value error, ").rstrip(".")
        if not first["loc"]:  # two settings that do not go together
            raise BadOptions(f"{what}.") from error
        name = ".".join(map(str, first["loc"]))
        if first["type"] == "missing":
            raise BadOptions(f"{name} is not set.", f"Say --{name}: {kind.model_fields[name].description}") from error
        raise BadOptions(f"{name} cannot be {first.get('input')!r}: {what.lower()}.") from error


def written(settings: LoopSettings) -> str:
    """The whole record as YAML, for people and for `read_settings`."""
    import yaml

    return yaml.safe_dump(settings.model_dump(mode="json"), sort_keys=False, allow_unicode=True)


def differences(before: dict[str, Any], now: LoopSettings) -> list[str]:
    """What a checkpoint's settings say otherwise, where it matters; each as "lr: 1e-05 then, 2e-05 now"."""
    told = now.model_dump(mode="json")
    names = [name for name in told if name not in FREE]
    return [f"{name}: {before.get(name)} then, {told[name]} now" for name in names if before.get(name) != told[name]]


def _of_file(file: Path, depth: int = 0) -> dict[str, Any]:
    import yaml

    try:
        told = yaml.safe_load(file.read_text("utf-8")) or {}
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise BadOptions(
            f"{file} cannot be read as a file of settings.", "It is YAML: a name and a value a line."
        ) from error
    if not isinstance(told, dict) or not all(isinstance(name, str) for name in told):
        raise BadOptions(f"{file} is no file of settings.", "It is YAML: a name and a value a line.")
    other = told.pop(EXTENDS, None)
    if other is None:
        return told
    if not isinstance(other, str) or depth == DEEPEST:
        raise BadOptions(f"What {file} extends is no file, or they extend one another.")
    return {**_of_file(file.parent / other, depth + 1), **told}


def _nearest(name: str, kind: type[LoopSettings]) -> str:
    near = get_close_matches(name.replace("-", "_"), kind.model_fields, n=1, cutoff=0.5)
    return f"Did you mean {near[0]}?" if near else f"There are: {', '.join(sorted(kind.model_fields))}."
