"""How much memory this process holds, as the operating system sees it."""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path

STATUS = Path("/proc/self/status")
SYSTEM = Path("/proc/meminfo")


def reset_peak_memory() -> None:
    """Forgets earlier peaks, where the system allows that (Linux)."""
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


def peak_memory() -> int | None:
    """Bytes: the highest resident size since the last reset (not on Linux: since the start); None if unknown."""
    return _status("VmHWM") or _of_rusage()


def resident_memory() -> int | None:
    """Bytes resident now; None if unknown."""
    return _status("VmRSS")


def available_memory() -> int | None:
    """Bytes that the system could still give without swapping; None if unknown."""
    return _of_system("MemAvailable")


def total_memory() -> int | None:
    """Bytes of memory that the machine has; None if unknown."""
    return _of_system("MemTotal")


def _of_system(field: str) -> int | None:
    return _field(SYSTEM, field)


def _status(field: str) -> int | None:
    return _field(STATUS, field)


def _field(file: Path, field: str) -> int | None:
    try:
        lines = file.read_text().splitlines()
    except OSError:
        return None
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{field}:")), None)


def _of_rusage() -> int | None:
    try:
        import resource
    except ImportError:  # Windows
        return None
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
