"""What a result may depend on besides its request: the machine, and what is installed on it."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Mapping
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import cv2

from rorem.errors import RoremError
from rorem.version import __version__

ALWAYS = {"numpy": "numpy", "opencv": "opencv-python-headless", "pillow": "pillow", "pypatchmatch": "pypatchmatch"}
WHEN_LOADED = ("torch", "diffusers", "transformers")  # what no method of a comparison loaded had no part in it
STEERING = ("ROREM_DEVICE", "ROREM_DTYPE", "ROREM_COMPILE", "ROREM_MEMORY")
OPENCV_THREADS, TORCH_THREADS = "opencv threads", "torch threads"
MOST_THREADS = 256
CPU_FACTS = Path("/proc/cpuinfo")


def facts() -> dict[str, str]:
    """Versions, system, processor, threads and device, as they are now; of networks only what is loaded."""
    told = {
        "rorem": __version__,
        "python": platform.python_version(),
        "system": platform.platform(),
        "processor": _processor(),
        OPENCV_THREADS: str(cv2.getNumThreads()),
    }
    told |= {name: found for name, package in ALWAYS.items() if (found := _version(package))}
    told |= {name: found for name in WHEN_LOADED if name in sys.modules and (found := _version(name))}
    if "torch" in sys.modules:
        told |= _of_torch()
    return told | {name: value for name in STEERING if (value := os.environ.get(name))}


def differences(then: Mapping[str, str], now: Mapping[str, str]) -> list[str]:
    """What is not as it was, one line each."""
    names = dict.fromkeys((*then, *now))
    return [
        f"{name}: {then.get(name, 'none')} then, {now.get(name, 'none')} now"
        for name in names
        if then.get(name) != now.get(name)
    ]


def same_threads(then: Mapping[str, str]) -> None:
    """As many threads as then, for the whole process: sums that are split otherwise round otherwise. For programs."""
    if (count := _threads(then.get(OPENCV_THREADS, ""))) is not None:
        cv2.setNumThreads(count)
    if (count := _threads(then.get(TORCH_THREADS, ""))) is not None:
        with suppress(ImportError):
            import torch

            torch.set_num_threads(count)


def _threads(text: str) -> int | None:
    sound = text.isascii() and text.isdigit() and len(text) < 5 and 1 <= int(text) <= MOST_THREADS
    return int(text) if sound else None


def _of_torch() -> dict[str, str]:
    import torch

    from rorem.nets import compute

    told = {
        TORCH_THREADS: str(torch.get_num_threads()),
        "torch instructions": torch.backends.cpu.get_cpu_capability(),
    }
    with suppress(RoremError):  # a device that was asked for and is not here: no network ran
        where = compute.device()
        told |= {"device": str(where), "precision": str(compute.dtype(where)).removeprefix("torch.")}
        if where.type == "cuda":
            told["gpu"] = torch.cuda.get_device_name(where)
    return told


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""


def _processor() -> str:
    with suppress(OSError):
        lines = CPU_FACTS.read_text("utf-8", errors="replace").splitlines()
        named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
        if found := next(named, ""):
            return found
    return platform.processor() or platform.machine()
