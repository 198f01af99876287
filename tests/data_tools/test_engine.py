"""Doing all parts of a set, here and with Ray: the same outcome, once for each part, also when a machine is lost."""

from __future__ import annotations

import logging
import os
import pickle
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import astuple, replace
from functools import partial
from pathlib import Path

import pytest

from data_tools.auto_label import Judge, auto_label
from data_tools.auto_label import running as judged
from data_tools.check import Problem, check, checking
from data_tools.check.looking import InOrder
from data_tools.engine import LOCAL, RAY, on_ray, run
from data_tools.engine.on_ray import PASSED_ON, PATIENCE, QUIET, claim, packed, passed_on
from data_tools.generate import generate, running
from data_tools.generate.work import DEADLY
from data_tools.parts import Part, parts_of
from rorem.errors import BadData, BadOptions, MissingWeights, RoremError
from rorem.triplet import open_set
from tests.data_tools.auto_label.rounds import removal, write_set
from tests.data_tools.check.made import sound, write
from tests.data_tools.generate.made import QUICK, photos, removals, shards
from tests.data_tools.works import (
    Deadly,
    DeadlyMakeWork,
    Making,
    Odd,
    Slow,
    SlowMakeWork,
    SlowScoring,
    SlowSearch,
    with_an_odd_error,
    without_weights,
)

PARTS = parts_of([f"photo {number}" for number in range(60)], 12)
COUNT = 24  # records in the sets of which a machine is lost
EXPECTED = sorted((part.name, sum(part.indices)) for part in PARTS)


def test_here_every_part_is_done_once_by_one_work(tmp_path: Path) -> None:
    told = list(run(Making(Slow(tmp_path)), PARTS))
    assert told == EXPECTED
    assert len(list(tmp_path.glob("made-*"))) == 1 and len(list(tmp_path.glob("*-by-*"))) == len(PARTS)


def test_here_an_error_comes_through(tmp_path: Path) -> None:
    told = run(Making(Slow(tmp_path, bad=3)), PARTS)
    with pytest.raises(BadData, match="This part is bad"):
        list(told)
    assert len(list(tmp_path.glob("*-by-*"))) == 4


def test_an_engine_that_is_none(tmp_path: Path) -> None:
    with pytest.raises(BadOptions, match="steam"):
        list(run(Making(Slow(tmp_path)), PARTS, "steam"))


@pytest.mark.parametrize(
    ("gpus", "workers", "share"), [(0, 4, None), (8, 8, 1), (8, 4, 1), (8, 9, 1 / 2), (2, 3, 1 / 2), (2, 8, 1 / 4)]
)
def test_gpus_are_shared_by_no_more_workers_than_is_needed(gpus: int, workers: int, share: float | None) -> None:
    claimed = claim({"CPU": 64, "GPU": gpus} if gpus else {"CPU": 64}, workers, "")
    assert claimed.get("num_gpus") == share and 0 < claimed["num_cpus"] < 1
    assert "num_gpus" not in claim({"CPU": 64, "GPU": 8}, workers, "cpu")


def test_nothing_secret_travels_and_nobody_is_told() -> None:
    there = {name: "1" for name in (*PASSED_ON, "HF_TOKEN", "ROREM_LABEL_KEY")}
    assert set(passed_on(there)) == set(PASSED_ON) and passed_on({}) == {}
    assert QUIET["RAY_USAGE_STATS_ENABLED"] == "0"


def test_an_error_that_cannot_travel_is_told_as_one_that_can() -> None:
    error = pickle.loads(packed(BadData("It is bad.", "Mend it.")))
    assert isinstance(error, BadData) and error.advice == "It is bad. Mend it."
    error = pickle.loads(packed(Odd("one", "other")))
    assert type(error) is RoremError and "Odd" in str(error)


def test_without_news_all_is_begun_anew_and_nothing_is_told_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    from ray.data.exceptions import ExecutionTimeoutError

    asked: list[tuple[int, float]] = []

    def passing(ray: object, given: object, parts: list[Part], workers: int, patience: float) -> Iterator[dict]:
        asked.append((len(parts), patience))
        for part in (parts[0], parts[0], *parts[1 : 12 - 4 * len(asked)]):
            yield {"number": part.number, "failed": False, "told": pickle.dumps(part.name)}
        raise ExecutionTimeoutError("no progress")

    monkeypatch.setattr(on_ray, "_pass", passing)
    told = list(on_ray.until_all_are_told(None, (Making(Slow(Path())), None), PARTS, 2))
    assert told == [part.name for part in PARTS]
    assert asked == [(12, PATIENCE), (4, 2 * PATIENCE)]


def test_where_ray_gives_up_it_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    from ray.exceptions import RaySystemError

    def passing(*_: object) -> Iterator[dict]:
        raise RaySystemError("The head is gone.\nSee the logs.")
        yield {}

    monkeypatch.setattr(on_ray, "_pass", passing)
    with pytest.raises(RoremError, match="Ray gave up") as raised:
        list(on_ray.until_all_are_told(None, (Making(Slow(Path())), None), PARTS, 2))
    assert "\n" not in raised.value.advice


@pytest.fixture
def one_machine(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A Ray of this machine, for a test with several runs."""
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    for name, value in QUIET.items():
        monkeypatch.setenv(name, value)
    import ray

    ray.init(
        num_cpus=2,
        include_dashboard=False,
        object_store_memory=100_000_000,
        _node_ip_address="127.0.0.1",
        log_to_driver=False,
        logging_level=logging.ERROR,
    )
    yield
    ray.shutdown()


@pytest.mark.soak
@pytest.mark.timeout(600)
def test_with_ray_it_is_the_same(tmp_path: Path, one_machine: None) -> None:
    (tmp_path / "log").mkdir()
    assert sorted(run(Making(Slow(tmp_path / "log", 0.1)), PARTS, RAY, workers=2)) == EXPECTED
    assert 1 <= len(list((tmp_path / "log").glob("made-*"))) <= 2
    with pytest.raises(BadData) as raised:
        list(run(Making(Slow(tmp_path / "log", bad=3)), PARTS, RAY))
    assert raised.value.advice == "This part is bad. Make it anew."
    with pytest.raises(MissingWeights, match="no weights here"):
        list(run(without_weights, PARTS, RAY))
    with pytest.raises(RoremError, match="not foreseen"):
        list(run(with_an_odd_error, PARTS, RAY))
    name = photos(tmp_path, 12)
    generate(name, tmp_path / "here", QUICK)
    told: list[int] = []
    summary = generate(name, tmp_path / "ray", QUICK, engine=RAY, workers=2, on_step=lambda done, _: told.append(done))
    assert summary.made == 12 and told[-1] == 12 and shards(tmp_path / "ray") == shards(tmp_path / "here")
    assert generate(name, tmp_path / "ray", QUICK, engine=RAY, workers=2).there == 12


@pytest.mark.soak
@pytest.mark.timeout(600)
def test_what_we_start_is_quiet_and_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    import ray

    assert sorted(run(Making(Slow(tmp_path)), PARTS[:3], RAY, workers=1)) == EXPECTED[:3]
    assert not ray.is_initialized() and os.environ["RAY_USAGE_STATS_ENABLED"] == "0"
    told = capfd.readouterr()
    assert told.out == "" and told.err == "", told.err


@pytest.mark.soak
@pytest.mark.timeout(600)
def test_a_part_that_ends_every_worker_ends_the_run(one_machine: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(on_ray, "ROUNDS", 1)
    with pytest.raises(RoremError, match="3 workers in a row have died") as raised:
        list(run(Making(Deadly(PARTS[2].number)), PARTS, RAY, workers=1))
    assert f"part {PARTS[2].name}" in raised.value.advice


@pytest.mark.soak
@pytest.mark.timeout(600)
def test_a_record_that_ends_every_worker_is_left_out(
    tmp_path: Path, one_machine: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(running, "MakeWork", DeadlyMakeWork)
    name, out = photos(tmp_path, 9), tmp_path / "out"
    summary = generate(name, out, QUICK, engine=RAY, workers=2)
    assert (summary.made, summary.left_out.counts, summary.waiting) == (8, {DEADLY: 1}, 0)
    assert set(open_set(name).names) - set(removals(out)) == {"scene03"}
    monkeypatch.undo()
    generate(name, out, QUICK, retry=True)
    generate(name, tmp_path / "clean", QUICK)
    assert shards(out) == shards(tmp_path / "clean")


Job = Callable[[Path, list[int], str], object]  # where to write, records done as they are told, the engine


def generating(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Job:
    monkeypatch.setattr(running, "MakeWork", SlowMakeWork)
    name = photos(tmp_path, COUNT)

    def job(out: Path, told: list[int], engine: str) -> object:
        summary = generate(
            name, out, replace(QUICK, size=1), engine=engine, workers=2 if engine == RAY else 1, on_step=into(told)
        )
        assert set(removals(out)) == set(open_set(name).names)
        return summary, shards(out)

    return job


def judging(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Job:
    monkeypatch.setattr(judged, "MakeWork", SlowScoring)
    name = write_set(tmp_path / "set", [removal(number) for number in range(COUNT)])

    def job(out: Path, told: list[int], engine: str) -> object:
        auto_label(name, out, Judge("seam"), part_size=1, engine=engine, workers=2, on_step=into(told))
        files = (file for file in out.rglob("*") if file.is_file())
        return {file.relative_to(out).as_posix(): file.read_bytes() for file in files}

    return job


def checks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Job:
    monkeypatch.setattr(checking, "Search", SlowSearch)
    monkeypatch.setattr(checking, "InOrder", partial(InOrder, size=1))
    again = [replace(sound(3), name="again"), replace(sound(4), name="bad", result=b"no picture")]
    name = str(write(tmp_path / "set", *(sound(number) for number in range(COUNT - 2)), *again))

    def job(out: Path, told: list[int], engine: str) -> object:
        found: list[Problem] = []
        summary = check(name, on_problem=found.append, on_step=into(told), engine_name=engine, workers=2, keep=out)
        assert summary.wrong == 2
        return summary, sorted(map(astuple, found)), {file.name: file.read_bytes() for file in out.iterdir()}

    return job


def into(told: list[int]) -> Callable[[int, int], None]:
    return lambda done, total: told.append(done)


@pytest.mark.soak
@pytest.mark.timeout(600)
@pytest.mark.parametrize("tool", [generating, judging, checks])
def test_a_machine_that_is_lost_costs_nothing_but_time(
    tool: Callable[[Path, pytest.MonkeyPatch], Job], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two machines, one killed half-way: everything is there once, and the bytes are those of the local run."""
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    for name, value in QUIET.items():
        monkeypatch.setenv(name, value)
    import ray
    from ray.cluster_utils import Cluster

    job, log = tool(tmp_path, monkeypatch), tmp_path / "log"
    here = job(tmp_path / "here", [], LOCAL)
    log.mkdir()
    head = {"num_cpus": 2, "object_store_memory": 100_000_000, "include_dashboard": False}
    cluster = Cluster(initialize_head=True, head_node_args=head)
    try:
        other = cluster.add_node(num_cpus=2, object_store_memory=100_000_000)
        ray.init(address=cluster.address, log_to_driver=False, logging_level=logging.ERROR)
        cluster.wait_for_nodes()

        def kill_half_way() -> None:
            while len(list(log.iterdir())) < COUNT // 3:
                time.sleep(0.05)
            cluster.remove_node(other, allow_graceful=False)

        killing = threading.Thread(target=kill_half_way)
        killing.start()
        told: list[int] = []
        there = job(tmp_path / "ray", told, RAY)
        killing.join()
        assert sorted(node["Alive"] for node in ray.nodes()) == [False, True]
        machines = [file.read_text() for file in log.iterdir()]
        assert set(machines) == {node["NodeID"] for node in ray.nodes()}, "both had work before one was killed"
        assert told == sorted(set(told)) and told[-1] == COUNT  # each part was told of once
        assert there == here
    finally:
        ray.shutdown()
        cluster.shutdown()
