"""Checkpoints: folders that are there whole or not at all.

A checkpoint is written under a hidden name and renamed when all of it is on the disk, so that what has the name
step-000100 can be gone on from. accelerate writes weights, optimizer, scaler and the random states of every process;
what is ours lies beside it: state.json, settings.yaml and the averaged weights.
"""

from __future__ import annotations

import json
import logging
import os
import re
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rorem.errors import BadOptions
from rorem.files import write_whole
from training.ema import Ema
from training.settings import LoopSettings, differences, written
from training.state import State

if TYPE_CHECKING:
    from accelerate import Accelerator
    from torch import nn

log = logging.getLogger(__name__)
NAME = re.compile(r"step-(\d{6,})")
STATE, SETTINGS, AVERAGE = "state.json", "settings.yaml", "ema-{process}.safetensors"
BEST = "best"  # a file that names the best checkpoint
LATEST = "latest"


def folder_of(out: Path, step: int) -> Path:
    return out / "checkpoints" / f"step-{step:06d}"


def all_in(out: Path) -> list[Path]:
    """Whole checkpoints, the oldest first."""
    found = [path for path in (out / "checkpoints").glob("step-*") if NAME.fullmatch(path.name) and path.is_dir()]
    return sorted(found, key=lambda path: int(path.name.removeprefix("step-")))


def find(out: Path, wanted: str) -> Path | None:
    """The checkpoint to go on from. wanted: `latest` (None where there is none yet) or a folder. Raises BadOptions."""
    if wanted == LATEST:
        there = all_in(out)
        return there[-1] if there else None
    folder = Path(wanted)
    if not (folder / STATE).is_file():
        raise BadOptions(f"{folder} holds no checkpoint.", "Name a folder step-..., or say --resume latest.")
    return folder


def save(accelerator: Accelerator, out: Path, state: State, ema: Ema | None, settings: LoopSettings) -> bool:
    """Whether it worked, the same answer in every process. On a full disk the earlier ones stay as they were."""
    folder = folder_of(out, state.step)
    partial = folder.with_name(f".{folder.name}")
    trouble = ""
    if accelerator.is_main_process:
        shutil.rmtree(partial, ignore_errors=True)
    accelerator.wait_for_everyone()
    try:
        partial.mkdir(parents=True, exist_ok=True)
        accelerator.save_state(str(partial))
        if ema is not None:
            _write_average(ema, partial / AVERAGE.format(process=accelerator.process_index))
        if accelerator.is_main_process:
            (partial / SETTINGS).write_text(written(settings), "utf-8")
            (partial / STATE).write_text(json.dumps({**state.as_record(), **_world(accelerator)}), "utf-8")
        _flush(partial)
    except (OSError, RuntimeError) as error:  # torch and safetensors say RuntimeError where a disk is full
        trouble = str(error)
    worked = _all_agree(accelerator, not trouble)
    if accelerator.is_main_process:
        if worked:
            shutil.rmtree(folder, ignore_errors=True)
            partial.rename(folder)
            _flush(folder.parent)
        else:
            shutil.rmtree(partial, ignore_errors=True)
    if trouble:
        log.warning("The checkpoint of step %d could not be written: %s", state.step, trouble.splitlines()[0])
    accelerator.wait_for_everyone()
    return worked


def thin(out: Path, keep: int) -> None:
    """Deletes all but the last `keep` and the best, and what an earlier run left half-written."""
    best = best_of(out)
    for path in all_in(out)[:-keep]:
        if path != best:
            hidden = path.with_name(f".{path.name}")
            path.rename(hidden)  # gone at once, even where deleting is interrupted
            shutil.rmtree(hidden, ignore_errors=True)
    for path in (out / "checkpoints").glob(".step-*"):
        shutil.rmtree(path, ignore_errors=True)


def note_best(out: Path, step: int) -> None:
    write_whole(out / BEST, folder_of(out, step).name.encode())


def best_of(out: Path) -> Path | None:
    """The checkpoint that the validation chose, if it is there."""
    try:
        name = (out / BEST).read_text("utf-8").strip()
    except OSError:
        return None
    folder = out / "checkpoints" / name
    return folder if NAME.fullmatch(name) and folder.is_dir() else None


def check_settings(folder: Path, settings: LoopSettings) -> None:
    """Raises BadOptions that lists what is otherwise now, where it matters."""
    import yaml

    try:
        before = yaml.safe_load((folder / SETTINGS).read_text("utf-8"))
    except (OSError, yaml.YAMLError) as error:
        raise BadOptions(f"{folder} has no readable {SETTINGS}.", "Take another checkpoint.") from error
    if changed := differences(before, settings):
        raise BadOptions(
            f"The checkpoint was made with other settings ({'; '.join(changed)}).",
            "Set them as they were, or say --allow-changes.",
        )


def load(accelerator: Accelerator, folder: Path, ema: Ema | None) -> State:
    """Puts everything back as it was. Raises BadOptions for a checkpoint of another model or number of processes."""
    from safetensors import SafetensorError

    try:
        record = json.loads((folder / STATE).read_text("utf-8"))
        world = {name: record.pop(name) for name in _world(accelerator)}
        state = State.of({**record, "bad": 0})  # those that are left are met again
        if world != _world(accelerator):
            log.warning(
                "The checkpoint is of %s processes, this run has %d.", *world.values(), accelerator.num_processes
            )
        accelerator.load_state(str(folder))
        if ema is not None:
            _read_average(ema, folder / AVERAGE.format(process=accelerator.process_index))
    except (OSError, ValueError, KeyError, TypeError, RuntimeError, SafetensorError) as error:
        raise BadOptions(
            f"{folder} cannot be gone on from: {str(error).splitlines()[0]}", "Take another one."
        ) from error
    return state


def keep_trained_only(accelerator: Accelerator) -> None:
    """Checkpoints hold the weights that train and leave the frozen ones out: an adapter's are small.

    For plain and DDP runs; FSDP and DeepSpeed write in ways of their own, whole.
    """
    from safetensors.torch import load_file

    def on_save(models: Sequence[nn.Module], weights: list[dict[str, Any]], folder: str) -> None:
        for index, model in enumerate(models[: len(weights)]):
            trained = {name for name, weight in model.named_parameters() if weight.requires_grad}
            kept = trained | {name for name, _ in model.named_buffers()}
            weights[index] = {name: tensor.contiguous() for name, tensor in weights[index].items() if name in kept}

    def on_load(models: list[nn.Module], folder: str) -> None:
        for index, model in enumerate(models):
            told = load_file(Path(folder) / (f"model_{index}.safetensors" if index else "model.safetensors"))
            lacking = {name for name, weight in model.named_parameters() if weight.requires_grad} - told.keys()
            if lacking:
                raise KeyError(f"it lacks {sorted(lacking)[0]}")
            model.load_state_dict(told, strict=False)
        models.clear()

    accelerator.register_save_state_pre_hook(on_save)
    accelerator.register_load_state_pre_hook(on_load)


@contextmanager
def only_one_run(out: Path) -> Iterator[None]:
    """Raises BadOptions where another run writes into the same folder."""
    import fcntl

    out.mkdir(parents=True, exist_ok=True)
    with (out / ".lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise BadOptions(f"Another run writes into {out}.", "Wait for it, or name another --out.") from error
        yield


def _world(accelerator: Accelerator) -> dict[str, int]:
    return {"processes": accelerator.num_processes}


def _all_agree(accelerator: Accelerator, mine: bool) -> bool:
    import torch

    votes: Any = accelerator.reduce(torch.tensor(int(mine), device=accelerator.device), "sum")
    return int(votes) == accelerator.num_processes


def _write_average(ema: Ema, file: Path) -> None:
    import torch
    from safetensors.torch import save_file

    tensors = {name: _local(average).contiguous() for name, average in ema.average.items()}
    save_file({**tensors, "updates": torch.tensor(ema.updates)}, file)


def _read_average(ema: Ema, file: Path) -> None:
    from safetensors.torch import load_file

    told = load_file(file)
    updates = int(told.pop("updates"))
    for name, average in ema.average.items():
        _local(average).copy_(told[name])
    ema.updates = updates


def _local(tensor: Any) -> Any:
    """This process's part of a tensor that is spread over several."""
    return tensor.to_local() if hasattr(tensor, "to_local") else tensor


def _flush(folder: Path) -> None:
    """Waits until it is on the disk."""
    for path in (folder, *folder.iterdir()):
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
