"""How fast LaMa is on this machine's CPU: `python -m tests.bench_lama`.

The network at its published size with random weights, on a crop of 512 px with a hole in its middle: as most others run
it (TorchScript), as it is written here (eager), and as we run it. The three take turns, so that a busy machine is busy
for all of them. Wall seconds, and CPU seconds of all threads beside them.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

from rorem.nets.lama_fast import FastGenerator
from tests.checkpoints.lama import random_generator, traced

SIDE = 512  # px: LaMa's native size
REPEATS = 7
Network = Callable[[Tensor, Tensor], Tensor]


def job(side: int = SIDE) -> tuple[Tensor, Tensor]:
    """A soft picture (1, 3, side, side) in [0, 1] and a hole of a fifth of it (1, 1, side, side)."""
    noise = torch.rand(1, 3, 16, 16, generator=torch.Generator().manual_seed(1))
    hole = torch.zeros(1, 1, side, side)
    hole[..., side // 4 : 2 * side // 3, side // 4 : 3 * side // 4] = 1
    return F.interpolate(noise, size=(side, side), mode="bicubic").clamp(0, 1), hole


def composed(network: Network) -> Network:
    """What the network paints, in the hole only; the archive does this by itself."""
    return lambda picture, hole: hole * network(picture, hole) + (1 - hole) * picture


def rows(repeats: int = REPEATS) -> list[dict[str, str | float]]:
    """One row a way to run it: its name; seconds of the first pass, p50 and p95 of the others, their CPU seconds; how
    many times faster it is than TorchScript in the same turn (median); the largest difference to it in levels."""
    plain = random_generator(width=64, blocks=18, contrast=1.0)
    ways: dict[str, Network] = {
        "TorchScript": traced(plain),
        "eager": composed(plain),
        "ours": composed(FastGenerator(plain)),
    }
    picture, hole = job()
    with torch.inference_mode():
        first = {name: timed(way, picture, hole) for name, way in ways.items()}
        levels = {name: (way(picture, hole) * 255).round() for name, way in ways.items()}
        times = [{name: timed(way, picture, hole) for name, way in ways.items()} for _ in range(repeats)]
    return [
        {
            "name": name,
            "first": first[name][0],
            "p50": statistics.median(one[name][0] for one in times),
            "p95": sorted(one[name][0] for one in times)[int(0.95 * (repeats - 1) + 0.5)],
            "cpu": statistics.median(one[name][1] for one in times),
            "faster": statistics.median(one["TorchScript"][0] / one[name][0] for one in times),
            "levels": float((levels[name] - levels["TorchScript"]).abs().max()),
        }
        for name in ways
    ]


def timed(way: Network, picture: Tensor, hole: Tensor) -> tuple[float, float]:
    """Wall and CPU seconds of one pass."""
    wall, cpu = time.perf_counter(), time.process_time()
    way(picture, hole)
    return time.perf_counter() - wall, time.process_time() - cpu


def main() -> None:
    print(f"LaMa, {SIDE} x {SIDE} px, {torch.get_num_threads()} threads, {REPEATS} passes each in turn")
    print(f"{'':12s} {'first':>7s} {'p50':>7s} {'p95':>7s} {'cpu':>7s} {'faster':>7s}  levels apart")
    for row in rows():
        seconds = " ".join(f"{row[name]:7.2f}" for name in ("first", "p50", "p95", "cpu"))
        print(f"{row['name']:12s} {seconds} {row['faster']:6.2f}x  {row['levels']:.0f}")


if __name__ == "__main__":
    main()
