"""What a result may depend on besides its request."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import cv2
import pytest

import rorem
from rorem.comparison import machine

torch = pytest.importorskip("torch")


@pytest.fixture
def threads() -> Iterator[None]:
    """Gives the process its threads back."""
    before = cv2.getNumThreads(), torch.get_num_threads()
    yield
    cv2.setNumThreads(before[0])
    torch.set_num_threads(before[1])


def test_what_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROREM_MEMORY", "8GB")
    monkeypatch.setenv("ROREM_DEVICE", "cpu")
    told = machine.facts()
    assert told["rorem"] == rorem.__version__ and told["opencv"].startswith(cv2.__version__)
    assert told["torch"] == torch.__version__ and told["device"] == "cpu" and told["precision"] == "float32"
    assert told["ROREM_MEMORY"] == "8GB" and told["processor"] and int(told["opencv threads"]) >= 1
    assert all(isinstance(value, str) for value in told.values())


def test_what_was_not_loaded_had_no_part_in_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "torch")
    assert not [name for name in machine.facts() if "torch" in name] and "device" not in machine.facts()


def test_a_device_that_is_not_here_is_no_reason_to_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROREM_DEVICE", "cuda:99")
    told = machine.facts()
    assert "device" not in told and told["ROREM_DEVICE"] == "cuda:99"


def test_a_processor_that_nobody_names(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(machine, "CPU_FACTS", tmp_path / "nothing")
    assert machine.facts()["processor"]


def test_differences() -> None:
    then, now = {"numpy": "1", "torch": "2", "same": "x"}, {"numpy": "3", "same": "x", "opencv": "5"}
    assert machine.differences(then, now) == [
        "numpy: 1 then, 3 now",
        "torch: 2 then, none now",
        "opencv: none then, 5 now",
    ]
    assert machine.differences(now, now) == []


@pytest.mark.usefixtures("threads")
def test_as_many_threads_as_then() -> None:
    machine.same_threads({"opencv threads": "3", "torch threads": "5"})
    assert (cv2.getNumThreads(), torch.get_num_threads()) == (3, 5)
    machine.same_threads({"opencv threads": "0", "torch threads": "99999999999999"})
    machine.same_threads({"opencv threads": "many", "torch threads": "-1"})
    machine.same_threads({})
    assert (cv2.getNumThreads(), torch.get_num_threads()) == (3, 5)
