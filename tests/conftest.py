"""What every test stands on: a quiet, offline, repeatable process, and the fixtures that several rooms need."""

from __future__ import annotations

import os
import tempfile

# Read when the libraries are imported, so they are set before anything else is.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # spinning threads starve small work on a busy machine
os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
# Weights that lie on the machine by chance are no business of the tests: they bring their own.
os.environ["ROREM_WEIGHTS"] = os.path.join(tempfile.gettempdir(), f"rorem-no-weights-{os.getpid()}")
os.environ["HF_HOME"] = os.environ["ROREM_WEIGHTS"]

import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from tests.server import App, start_app
from tests.tools.chromium import ADVICE, find_chromium, in_ci

settings.register_profile("here", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True, print_blob=True)
settings.load_profile("ci" if in_ci() else "here")


@pytest.fixture(scope="session")
def chromium() -> Path:
    """A Chromium that starts. Without one the test is skipped on a person's machine and fails where CI=true."""
    found = find_chromium()
    if found is None:
        give_up = pytest.fail if in_ci() else pytest.skip
        give_up(ADVICE)
    return found


@pytest.fixture(scope="session")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for ROREM_WEIGHTS with a tiny checkpoint for every part: with it, every method is ready."""
    from tests.checkpoints.all import write_all  # needs torch

    folder = tmp_path_factory.mktemp("all-weights")
    write_all(folder)
    return folder


@pytest.fixture(scope="session")
def free_port() -> Callable[[], int]:
    """Call it for a port on 127.0.0.1 that nothing listens on."""

    def find() -> int:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            return probe.getsockname()[1]

    return find


@pytest.fixture(scope="session")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    """The app, started as a person starts it. It must end cleanly and never log a traceback."""
    running = start_app(tmp_path_factory.mktemp("app"))
    yield running
    assert running.stop() == 0, "".join(running.log)
    assert "Traceback" not in "".join(running.log), "".join(running.log)
