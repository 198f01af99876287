"""Doing the parts of a set on the machines of a Ray cluster, with Ray Data.

Actors hold what is costly to make (a loaded network, say), parts stream to them, and the parts of a lost worker are
done again by another one; what ends every worker that takes it is found out, see `deaths`. Nothing is sent to anybody
but the machines of the cluster: usage statistics are off, and there is no dashboard.
"""

from __future__ import annotations

import logging
import math
import os
import pickle
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, cast

from data_tools.engine import MakeWork, Told
from data_tools.engine.deaths import ROUNDS, Begun, Care, Careful, Deaths
from data_tools.parts import Part
from rorem.errors import RoremError, Unavailable

if TYPE_CHECKING:
    import pyarrow as pa

logger = logging.getLogger(__name__)

# Before Ray is imported, and for all of its processes.
QUIET = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_DATA_USAGE_DISABLED": "1"}
# What workers are told of our environment: what results depend on, and nothing secret.
PASSED_ON = ("ROREM_DEVICE", "ROREM_DTYPE", "ROREM_COMPILE", "ROREM_MEMORY", "ROREM_WEIGHTS", "OMP_NUM_THREADS")
STORE = 128_000_000  # bytes of shared memory where we start Ray ourselves: only numbers and names go through it
# What a worker claims of a CPU: half, so that those of a lost machine find room on the others.
CLAIM = 0.5
PATIENCE = 7200.0  # seconds without news of any part, after which the workers are made anew on what machines are left
BLOCKS = 4096  # at most; a block may hold several parts


def run_on_ray(make_work: MakeWork[Told], parts: Sequence[Part], workers: int = 1) -> Iterator[Told]:
    """What the work says of each part, once each, as they come. A part may be worked on more than once; see `run`.

    Uses the cluster that the program is connected to, else the one of RAY_ADDRESS, else starts Ray on this machine and
    ends it again. With GPUs in the cluster each worker gets one, or a share of one if there are more workers; unless
    ROREM_DEVICE says `cpu`. make_work has to be picklable, and its module importable on every machine.
    Raises what the work raises, Unavailable without Ray, RoremError if Ray gives up or the workers die for no record's
    fault.
    """
    ray = _imported()
    ours = not ray.is_initialized()
    if ours:
        _start(ray, workers)
    try:
        yield from until_all_are_told(ray, (make_work, _deaths(ray, workers)), parts, workers)
    finally:
        if ours:
            ray.shutdown()


class Worker:
    """Lives on a machine of the cluster. The work is made at the first part, so that what that raises is told.

    deaths: the actor that all workers tell what they begin and end.
    """

    def __init__(self, make_work: MakeWork[Any], deaths: Any) -> None:
        self._make_work, self._deaths = make_work, deaths
        self._work: Any = None

    def __call__(self, rows: pa.Table) -> dict[str, list[object]]:
        """Takes a table of one row or more, see `_rows`. Gives number, told (pickled) and whether it is an error."""
        parts = [Part(row["number"], row["count"], tuple(row["indices"])) for row in rows.to_pylist()]
        told = [self._told(part) for part in parts]
        return {
            "number": [part.number for part in parts],
            "failed": [failed for failed, _ in told],
            "told": [data for _, data in told],
        }

    def _told(self, part: Part) -> tuple[bool, bytes]:
        import ray

        try:
            begun = cast(Begun, ray.get(self._deaths.begin.remote(part.number)))
            if begun.hopeless:
                raise hopeless(part, begun)
            done = False, pickle.dumps(self._do(part, begun))
        except Exception as error:  # told, so that Ray neither tries it again nor wraps it up
            done = True, packed(error)
        self._deaths.end.remote(part.number)
        return done

    def _do(self, part: Part, begun: Begun) -> object:
        import ray

        def trying(index: int) -> None:
            ray.get(self._deaths.trying.remote(part.number, index))  # waited for: the next moment may be the last

        if self._work is None:
            self._work = self._make_work()
        if begun.again and isinstance(self._work, Careful):
            return self._work.carefully(part, Care(begun.fatal, trying))
        return self._work(part)


def hopeless(part: Part, begun: Begun) -> RoremError:
    where = f"part {part.name}" if begun.at is None else f"record {begun.at + 1} of the set, in part {part.name}"
    return RoremError(
        f"{begun.in_a_row} workers in a row have died without a word, the last one at {where}.",
        "Perhaps memory is short: try fewer workers. The same command goes on from there.",
    )


def packed(error: Exception) -> bytes:
    try:
        data = pickle.dumps(error)
        pickle.loads(data)
        return data
    except Exception:  # some errors cannot travel
        return pickle.dumps(RoremError(f"A worker failed in a way that was not foreseen ({error!r})."))


def _imported() -> Any:
    os.environ.update(QUIET)
    try:
        import ray
        import ray.data
    except ImportError as error:
        raise Unavailable("Several machines need the package ray.", "pip install 'rorem[ray]' brings it.") from error
    logging.getLogger("ray.data").setLevel(logging.ERROR)  # it tells how each run goes; that is what our bar is for
    return ray


def _start(ray: Any, workers: int) -> None:
    quiet = {"configure_logging": True, "logging_level": logging.ERROR, "log_to_driver": False}
    if os.environ.get("RAY_ADDRESS"):
        ray.init(**quiet)
        return
    os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")  # warnings for those who develop Ray
    # An address of this machine alone: else Ray looks for the one by which the world would reach it.
    here = {"include_dashboard": False, "object_store_memory": STORE, "_node_ip_address": "127.0.0.1"}
    ray.init(num_cpus=max(1, workers), **here, **quiet)


def _deaths(ray: Any, workers: int) -> Any:
    """The actor of a run that counts them. It lives on the machine of the command, without which the run ends."""
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    here = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)
    return ray.remote(Deaths).options(num_cpus=0, scheduling_strategy=here).remote(ROUNDS * (workers + 1))


def until_all_are_told(
    ray: Any, given: tuple[MakeWork[Told], Any], parts: Sequence[Part], workers: int
) -> Iterator[Told]:
    """given: to each Worker.

    Ray waits for ever for a lost machine if the others have no room for its workers. So, now and then, all is begun
    anew with what is left; parts that are done already take no time."""
    from ray.data.exceptions import ExecutionTimeoutError
    from ray.exceptions import RayError

    waiting = {part.number: part for part in parts}
    patience = PATIENCE
    while waiting:
        try:
            for row in _pass(ray, given, list(waiting.values()), workers, patience):
                told = pickle.loads(row["told"])
                if row["failed"]:
                    raise told
                if waiting.pop(int(row["number"]), None) is not None:
                    yield told
        except RayError as error:
            raise RoremError(f"Ray gave up: {_first_line(error)}.", "The same command goes on from there.") from error
        except ExecutionTimeoutError:
            patience *= 2  # it may just be slow
            logger.warning("No news of %d parts for a long time: the workers are made anew.", len(waiting))


def _pass(
    ray: Any, given: tuple[MakeWork[Any], Any], parts: Sequence[Part], workers: int, patience: float
) -> Iterator[Mapping[str, Any]]:
    """Rows of number, failed and told, as they come. Raises what Ray raises."""
    with _context(
        ray, enable_progress_bars=False, print_on_execution_start=False, execution_no_progress_timeout_s=patience
    ):
        rows = ray.data.from_items(_rows(parts), override_num_blocks=min(len(parts), BLOCKS))
        done = rows.map_batches(
            Worker,
            fn_constructor_args=given,
            batch_size=1,
            batch_format="pyarrow",
            compute=ray.data.ActorPoolStrategy(size=min(workers, len(parts))),
            runtime_env={"env_vars": {**QUIET, **passed_on()}},
            **claim(ray.cluster_resources(), workers),
        )
    yield from done.iter_rows()


@contextmanager
def _context(ray: Any, **settings: object) -> Iterator[None]:
    """What is made within keeps these settings of Ray Data; the program's own stay as they are."""
    context = ray.data.DataContext.get_current()
    before = {name: getattr(context, name) for name in settings}
    for name, value in settings.items():
        setattr(context, name, value)
    try:
        yield
    finally:
        for name, value in before.items():
            setattr(context, name, value)


def _rows(parts: Sequence[Part]) -> list[dict[str, object]]:
    return [{"number": part.number, "count": part.count, "indices": list(part.indices)} for part in parts]


def passed_on(environment: Mapping[str, str] = os.environ) -> dict[str, str]:
    return {name: environment[name] for name in PASSED_ON if name in environment}


def claim(resources: Mapping[str, float], workers: int, device: str | None = None) -> dict[str, float]:
    """What a worker asks for. resources: of the whole cluster. GPUs are never shared by more than is needed."""
    device = os.environ.get("ROREM_DEVICE", "") if device is None else device
    gpus = resources.get("GPU", 0)
    if not gpus or device.startswith("cpu"):
        return {"num_cpus": CLAIM}
    return {"num_cpus": CLAIM, "num_gpus": 1 / max(1, math.ceil(workers / gpus))}


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")
