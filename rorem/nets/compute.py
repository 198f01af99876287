"""Where networks run, in which precision, and telling a lack of memory from other failures."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch

from rorem.errors import BadOptions, OutOfMemory
from rorem.memory import available_memory

DEVICE = "ROREM_DEVICE"  # cpu, cuda, cuda:1, mps; without it the best that is there
DTYPE = "ROREM_DTYPE"  # float32, bfloat16, float16; without it what suits the device
DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
REFUSED = ("not enough memory", "can't allocate memory")  # what torch says on a CPU, where it has no class for it


def device(environment: Mapping[str, str] = os.environ) -> torch.device:
    """The device for networks. Raises BadOptions for one that is not here."""
    wanted = environment.get(DEVICE)
    if not wanted:
        found = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
        return torch.device(found)
    try:
        chosen = torch.device(wanted)
        torch.empty(1, device=chosen)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        raise BadOptions(f"{DEVICE}={wanted}: this machine has no such device.", "Use cpu, cuda or mps.") from error
    return chosen


def dtype(where: torch.device, environment: Mapping[str, str] = os.environ) -> torch.dtype:
    """The precision for diffusion networks on a device. Raises BadOptions for an unknown one."""
    wanted = environment.get(DTYPE)
    if wanted:
        if wanted not in DTYPES:
            raise BadOptions(f"{DTYPE}={wanted} is not known.", f"Use one of: {', '.join(DTYPES)}.")
        return DTYPES[wanted]
    if where.type == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported(including_emulation=False) else torch.float16
    return torch.float16 if where.type == "mps" else torch.float32


def out_of_memory(error: BaseException) -> bool:
    """Whether an exception of torch says that memory did not suffice, on any device."""
    if isinstance(error, (torch.OutOfMemoryError, MemoryError)):
        return True
    return isinstance(error, RuntimeError) and any(sign in str(error) for sign in REFUSED)


@contextmanager
def in_memory(sentence: str, fix: str = "") -> Iterator[None]:
    """Runs the block; where it lacks memory, on any device, raises OutOfMemory with this sentence and this fix."""
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        if out_of_memory(error):
            raise OutOfMemory(sentence, fix) from error
        raise


def free_memory(where: torch.device) -> int | None:
    """Bytes that may still be taken on a device; None if nobody tells."""
    if where.type == "cuda":
        free, _ = torch.cuda.mem_get_info(where)
        return free + torch.cuda.memory_reserved(where) - torch.cuda.memory_allocated(where)
    return available_memory()


def bytes_of(module: torch.nn.Module) -> int:
    """Of all parameters and buffers."""
    return sum(tensor.numel() * tensor.element_size() for tensor in (*module.parameters(), *module.buffers()))
