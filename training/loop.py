"""The loop that every training script runs on.

A task says what is learned (see `task.Task`); here is all the rest: devices and precision by accelerate, gradient
accumulation and clipping, the learning rate, the averaged weights, validation, checkpoints, and the way back to one.
Everything that is drawn depends on the run's seed and on the number of the sample alone, so a run that was killed goes
on to the same losses, bit for bit on a CPU.
"""

from __future__ import annotations

import logging
import math
import signal
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from rorem.errors import RoremError
from training import checkpoints, output
from training.ema import Ema
from training.meter import Meter, Speed
from training.optimizers import make_optimizer
from training.record import Record
from training.schedule import learning_rate
from training.settings import LoopSettings
from training.state import State
from training.stream import stream
from training.task import Batch, Task

if TYPE_CHECKING:
    from accelerate import Accelerator

log = logging.getLogger(__name__)


class Stopped(RoremError):
    """The run ended early; its last checkpoint can be gone on from."""


@dataclass(frozen=True)
class Going:
    """How to begin. resume: "", `latest` or a checkpoint's folder. allow_changes: of the settings, on resuming.
    trial: keeps neither checkpoints nor a result."""

    resume: str = ""
    allow_changes: bool = False
    trial: bool = False


def train(task: Task[Any], going: Going | None = None) -> State:
    """Runs a task to its last step and writes the result; returns where it stands.

    Raises Stopped after too many losses that are no numbers, too many bad records, or a signal to end; BadOptions,
    BadData, BadWeights; OutOfMemory with the switches that help.
    """
    settings = task.settings
    accelerator = make_accelerator(settings)
    alone = checkpoints.only_one_run(settings.out) if accelerator.is_main_process else nullcontext()
    with alone, output.in_memory(accelerator.device), _asked_to_end() as ending:
        return _Run(task, accelerator, going or Going(), ending).to_the_end()


def make_accelerator(settings: LoopSettings) -> Accelerator:
    """Devices, processes, FSDP and DeepSpeed as `accelerate launch` says; precision likewise, unless it is set."""
    from accelerate import Accelerator
    from accelerate.utils import ProjectConfiguration

    accelerator = Accelerator(
        mixed_precision=None if settings.precision == "auto" else settings.precision,
        gradient_accumulation_steps=settings.accumulate,
        log_with=None if settings.tracker == "none" else settings.tracker,
        project_config=ProjectConfiguration(project_dir=str(settings.out), logging_dir=str(settings.out / "curves")),
    )
    if (plugin := accelerator.state.deepspeed_plugin) is not None:
        plugin.deepspeed_config["train_micro_batch_size_per_gpu"] = settings.batch
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = True
    return accelerator


class _Run:
    """One run. `to_the_end` is the loop; read that first."""

    def __init__(self, task: Task[Any], accelerator: Accelerator, going: Going, ending: list[int]) -> None:
        from accelerate.utils import DistributedType, set_seed

        self.task, self.settings, self.accelerator, self.ending = task, task.settings, accelerator, ending
        self.trial = going.trial
        set_seed(self.settings.seed, device_specific=True)
        self.sharded = accelerator.distributed_type in (DistributedType.FSDP, DistributedType.DEEPSPEED)
        model = task.build(accelerator.device)
        source = task.source()
        self.model, self.optimizer = accelerator.prepare(model, make_optimizer(model, self.settings))
        self.ema = Ema(self.model, self.settings.ema, self.settings.ema_power) if self.settings.ema else None
        if not self.sharded:
            checkpoints.keep_trained_only(accelerator)
        self.state = self._begin(going)
        self.record = Record(self.settings, accelerator, self.state.step)
        self.meter = Meter(accelerator.device, accelerator.num_processes, task.flops())
        self.batches: Iterator[Batch] = stream(source, self.settings, accelerator, self.state.step)

    def to_the_end(self) -> State:
        settings, state = self.settings, self.state
        self.model.train()
        while state.step < settings.steps:
            loss, norm = self._update()
            state.step += 1
            if self._is_due(settings.log_every):
                self.record.add(self._told(loss, norm, self.meter.read()))
            if settings.validate_every and self._is_due(settings.validate_every):
                self._validate()
            if self._is_due(settings.checkpoint_every) or self._has_to_end():
                self._checkpoint()
            self._end_if_needed()
        self.record.close()
        if not self.trial:
            output.write(self.task, self.accelerator, self.model, self.ema, state)
        return state

    def _update(self) -> tuple[float, float]:
        """One update of the weights; its mean loss over all processes, and the gradient's norm before clipping."""
        settings, state, accelerator = self.settings, self.state, self.accelerator
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate(state.step, settings)
        loss, bad, told = torch.zeros((), device=accelerator.device), 0, (math.nan, math.nan)
        for _ in range(settings.accumulate):
            with self.meter.waiting():
                batch = next(self.batches)
            bad += self.record.bad(batch.bad)
            with accelerator.accumulate(self.model):
                mine = self.task.loss(self.model, batch.to(accelerator.device))
                accelerator.backward(mine)
                loss += mine.detach() / settings.accumulate
                if accelerator.sync_gradients:
                    told = self._of_all(loss, bad), self._clipped()
                    if self._is_sound(*told):
                        self.optimizer.step()
                        self._average()
                self.optimizer.zero_grad()
        self.meter.count(settings.batch * settings.accumulate)
        return told

    def _clipped(self) -> float:
        """The gradient's norm, before it is made as short as wanted; nan where DeepSpeed keeps it to itself."""
        norm: Any = self.accelerator.clip_grad_norm_(self.model.parameters(), self.settings.clip or math.inf)
        if norm is None:
            return math.nan
        return float(norm.full_tensor() if hasattr(norm, "full_tensor") else norm)

    def _of_all(self, loss: Tensor, bad: int) -> float:
        """The mean loss over all processes; notes their bad records and wishes to end. One exchange for all three."""
        mine = torch.stack([loss.float(), loss.new_tensor(bad), loss.new_tensor(self.ending[0])])
        summed: Any = self.accelerator.reduce(mine, "sum")
        total, bad_all, ends = summed.tolist()
        self.state.bad += int(bad_all)
        self.ending[0] = int(ends)
        return total / self.accelerator.num_processes

    def _is_sound(self, loss: float, norm: float) -> bool:
        """Whether to update. Every process comes to the same answer: loss and norm are the same in all of them."""
        scaled = self.accelerator.scaler is not None  # it leaves out updates that overflow, and has to see them
        sound = math.isfinite(loss) and (scaled or self.sharded or math.isfinite(norm))
        if sound:
            self.state.skipped_in_a_row = 0
            return True
        self.state.skipped += 1
        self.state.skipped_in_a_row += 1
        log.warning("Step %d: the loss or its gradient is no number; the update is left out.", self.state.step)
        return scaled

    def _average(self) -> None:
        if self.ema is not None and not self.accelerator.optimizer_step_was_skipped:
            self.ema.update()

    def _validate(self) -> None:
        """In the main process; where the weights are spread over all processes, in all of them."""
        if self.accelerator.is_main_process or self.sharded:
            model = self.accelerator.unwrap_model(self.model)
            model.eval()
            with torch.no_grad(), self.ema.in_place() if self.ema else nullcontext():
                told = self.task.validate(model, self.state.step)
            model.train()
            self.record.add_validation(self.state.step, told)
            self._choose(told.metrics)
        self.accelerator.wait_for_everyone()

    def _choose(self, metrics: Any) -> None:
        name, sign = self.task.best
        value = metrics.get(name)
        if value is None or not math.isfinite(value):
            return
        if self.state.best is None or sign * value > sign * self.state.best:
            self.state.best, self.state.best_step = float(value), self.state.step

    def _checkpoint(self) -> None:
        state, out = self.state, self.settings.out
        if self.trial or not checkpoints.save(self.accelerator, out, state, self.ema, self.settings):
            return
        if self.accelerator.is_main_process:
            if state.best_step == state.step:
                checkpoints.note_best(out, state.step)
            checkpoints.thin(out, self.settings.keep)

    def _begin(self, going: Going) -> State:
        folder = checkpoints.find(self.settings.out, going.resume) if going.resume else None
        if folder is None:
            return State()
        if not going.allow_changes:
            checkpoints.check_settings(folder, self.settings)
        state = checkpoints.load(self.accelerator, folder, self.ema)
        log.info("Going on from %s.", folder)
        return state

    def _is_due(self, every: int) -> bool:
        return self.state.step % every == 0 or self.state.step == self.settings.steps

    def _has_to_end(self) -> bool:
        over = self.state.skipped_in_a_row >= self.settings.nan_limit or self.state.bad > self.settings.bad_limit
        return over or self.ending[0] > 0

    def _end_if_needed(self) -> None:
        if not self._has_to_end():
            return
        self.record.close()
        settings, state = self.settings, self.state
        again = "--resume latest goes on from the last checkpoint."
        if state.bad > settings.bad_limit:
            raise Stopped(f"{state.bad} records could not be read, more than bad_limit.", "See log.jsonl for which.")
        if state.skipped_in_a_row >= settings.nan_limit:
            raise Stopped(
                f"The loss was no number {state.skipped_in_a_row} times in a row.", f"Try a lower lr. {again}"
            )
        raise Stopped(f"Asked to end at step {state.step}.", again)

    def _told(self, loss: float, norm: float, speed: Speed) -> dict[str, Any]:
        state = self.state
        return {
            "step": state.step,
            "loss": loss,
            "norm": norm,
            "lr": learning_rate(state.step - 1, self.settings),
            "samples_per_second": speed.samples,
            "waiting": speed.waiting,
            "mfu": speed.mfu,
            "memory": speed.memory,
            "skipped": state.skipped,
            "bad": state.bad,
        }


@contextmanager
def _asked_to_end() -> Iterator[list[int]]:
    """[1] after SIGTERM, which clusters send before they take a machine back: the run then ends at a checkpoint."""
    ending = [0]

    def note(number: int, frame: object) -> None:
        ending[0] = 1

    before = signal.signal(signal.SIGTERM, note)
    try:
        yield ending
    finally:
        signal.signal(signal.SIGTERM, before)
