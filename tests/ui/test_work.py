"""A removal waits, works, tells, stops; its place in line is free again exactly when it has really ended."""

from __future__ import annotations

import threading

import pytest

from rorem.errors import BadMask
from rorem.remover import OnStep
from rorem.ui.line import Line
from rorem.ui.work import UNEXPECTED, run


def line() -> Line:
    return Line(places=1, per_visitor=9, longest=9)


def test_done() -> None:
    seen: list[int] = []

    def job(on_step: OnStep) -> None:
        on_step(1, 2)
        seen.append(1)

    assert [update.phase for update in run(line(), "a", threading.Event(), job)][-1] == "done"
    assert seen == [1]


def test_errors_become_sentences() -> None:
    def refuse(on_step: OnStep) -> None:
        raise BadMask("Nothing is marked.", "Mark something.")

    def crash(on_step: OnStep) -> None:
        raise RuntimeError("secret detail")

    def full(on_step: OnStep) -> None:
        raise OSError(28, "No space left on device")

    (refused,) = [one for one in run(line(), "a", threading.Event(), refuse) if one.phase == "failed"]
    assert refused.text == "Nothing is marked. Mark something."
    assert list(run(line(), "a", threading.Event(), crash))[-1].text == UNEXPECTED
    assert "disk" in list(run(line(), "a", threading.Event(), full))[-1].text


def test_stop_while_working_frees_the_visitor_at_once_and_the_place_at_the_end() -> None:
    queue, cancel, release, ended = line(), threading.Event(), threading.Event(), threading.Event()

    def job(on_step: OnStep) -> None:
        release.wait(10)
        try:
            on_step(1, 2)
        finally:
            ended.set()

    updates = run(queue, "a", cancel, job)
    assert next(updates).phase == "working"
    cancel.set()
    assert [update.phase for update in updates] == ["stopped"]
    following = queue.join("b")
    assert following.position() == 1  # the stopped job still computes
    release.set()
    assert ended.wait(10)
    assert following.wait(10)


def test_stop_while_waiting_leaves_the_line() -> None:
    queue, cancel = line(), threading.Event()
    first = queue.join("b")
    updates = run(queue, "a", cancel, lambda on_step: None)
    waiting = next(updates)
    assert (waiting.phase, waiting.ahead, waiting.text) == ("waiting", 1, "1 person is before you.")
    cancel.set()
    assert [update.phase for update in updates] == ["stopped"]
    first.leave()
    assert queue.join("c").position() == 0


def test_a_visitor_who_leaves_stops_the_work() -> None:
    stopped = threading.Event()
    begun = threading.Event()

    def job(on_step: OnStep) -> None:
        begun.set()
        try:
            for _ in range(1000):
                on_step(0, 1)
                threading.Event().wait(0.01)
        finally:
            stopped.set()

    updates = run(line(), "a", threading.Event(), job)
    next(updates)
    assert begun.wait(10)
    updates.close()
    assert stopped.wait(10)


def test_a_place_is_not_lost_when_no_thread_can_be_started(monkeypatch: pytest.MonkeyPatch) -> None:
    def start(self: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    queue = line()
    monkeypatch.setattr(threading.Thread, "start", start)
    assert [update.text for update in run(queue, "a", threading.Event(), lambda on_step: None)] == [UNEXPECTED]
    assert queue.join("b").position() == 0
