"""Reading tensors from published weight files, without ever running what is in them.

A pickle can call any function and a TorchScript archive can run code while it is loaded. Here neither can: everything
but the tensors becomes an inert `Stub`.
"""

from __future__ import annotations

import io
import math
import pickle
import zipfile
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, _utils, nn

from rorem.errors import BadWeights
from rorem.nets.compute import out_of_memory

COUNTER = "num_batches_tracked"  # of batch norms: only training reads it, and not every file keeps it
NESTED = "state_dict"  # where Lightning and many training scripts keep the weights in their checkpoints


def read_tensors(path: Path) -> dict[str, Tensor]:
    """The tensors of a weight file by name, on the CPU, in the file's own precision.

    Takes safetensors; what `torch.save` wrote (a dict of tensors, or one with such a dict under "state_dict"); and
    TorchScript archives. Names are as in the file: prefixes are the caller's to strip. Raises BadWeights.
    """
    try:
        path.open("rb").close()
    except OSError as error:
        raise BadWeights(f"{named(path)} cannot be read ({error.strerror}).") from error
    try:
        tensors = _read(path)
    except Exception as error:  # a damaged file can make its reader raise anything
        if out_of_memory(error):
            raise
        raise BadWeights(f"{named(path)} is damaged.") from error
    if not tensors:
        raise BadWeights(f"{named(path)} holds no weights.")
    return tensors


def fit(module: nn.Module, tensors: Mapping[str, Tensor], what: str, dtype: torch.dtype | None = None) -> None:
    """Gives a module its weights; all of them or, when an error is raised, none.

    module: may lie on the meta device. tensors: with exactly the names and shapes of the module's state dict; only the
    batch counters of batch norms may be missing or too many. what: says in an error which file it was; see `named`.
    dtype: for floating-point weights; None keeps the file's. Raises BadWeights in one sentence.
    """
    wanted = module.state_dict()
    given = {name: tensor for name, tensor in tensors.items() if name in wanted or not name.endswith(COUNTER)}
    given |= {name: torch.tensor(0) for name in wanted if name.endswith(COUNTER) and name not in given}
    _same_names(list(wanted), list(given), what)
    for name, tensor in given.items():
        if tensor.shape != wanted[name].shape:
            shapes = f"{tuple(tensor.shape)} instead of {tuple(wanted[name].shape)}"
            raise BadWeights(f"{what} holds other weights than this method needs: {name} is {shapes}.")
        if not finite(tensor):
            raise BadWeights(f"{what} is damaged: {name} holds values that are no numbers.")
        if dtype is not None and tensor.is_floating_point():
            given[name] = tensor.to(dtype)
    module.load_state_dict(given, assign=True)


def named(path: Path) -> str:
    """How errors name a file: with its folder, "big-lama/best.ckpt"."""
    return f"{path.parent.name}/{path.name}"


def finite(tensor: Tensor) -> bool:
    """Whether all values are numbers, neither infinite nor NaN."""
    if not tensor.is_floating_point() or tensor.numel() == 0:
        return True
    low, high = tensor.aminmax()  # both are NaN if any value is; unlike isfinite, this needs no memory
    return math.isfinite(low.item()) and math.isfinite(high.item())


REAL = {  # all that a pickle may call
    "collections.OrderedDict": OrderedDict,
    "torch._utils._rebuild_tensor": _utils._rebuild_tensor,
    "torch._utils._rebuild_tensor_v2": _utils._rebuild_tensor_v2,
    "torch._utils._rebuild_parameter": _utils._rebuild_parameter,
}
STORAGES = {
    "torch.DoubleStorage": torch.float64,
    "torch.FloatStorage": torch.float32,
    "torch.HalfStorage": torch.float16,
    "torch.BFloat16Storage": torch.bfloat16,
    "torch.LongStorage": torch.int64,
    "torch.IntStorage": torch.int32,
    "torch.ShortStorage": torch.int16,
    "torch.CharStorage": torch.int8,
    "torch.ByteStorage": torch.uint8,
    "torch.BoolStorage": torch.bool,
}


class Stub:
    """What stands for every object that is not a tensor. It takes anything and does nothing."""

    state: object = None  # what the object was made of

    def __new__(cls, *_: object, **__: object) -> Stub:
        return super().__new__(cls)

    def __call__(self, *_: object, **__: object) -> Stub:
        return Stub()

    def __setstate__(self, state: object) -> None:
        self.state = state

    def __setitem__(self, key: object, value: object) -> None: ...

    def append(self, item: object) -> None: ...

    def extend(self, items: object) -> None: ...

    def add(self, item: object) -> None: ...


class Unpickler(pickle.Unpickler):
    """Knows how tensors are put together and nothing else."""

    def find_class(self, module: str, name: str, /) -> Any:
        return REAL.get(f"{module}.{name}", Stub)


class _Inert:
    """Stands in for the `pickle` module where torch takes one."""

    Unpickler = Unpickler

    @staticmethod
    def load(file: Any, **settings: Any) -> object:
        return Unpickler(file, **settings).load()


def _read(path: Path) -> dict[str, Tensor]:
    if path.suffix == ".safetensors":
        from safetensors.torch import load_file

        return load_file(path)
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            if any(name.endswith("/constants.pkl") for name in archive.namelist()):
                return dict(_attributes(_read_script(archive), ""))
    return _tensors(_read_pickle(path))


def _read_pickle(path: Path) -> object:
    """What `torch.save` wrote, with stubs for all but tensors if it holds more than torch thinks safe."""
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError:
        return torch.load(path, map_location="cpu", weights_only=False, pickle_module=_Inert)


def _tensors(held: object) -> dict[str, Tensor]:
    """The tensors of a checkpoint, or of the state dict in it."""
    if not isinstance(held, Mapping):
        return {}
    weights = held.get(NESTED, held)
    weights = weights if isinstance(weights, Mapping) else held
    return {str(name): tensor.detach() for name, tensor in weights.items() if isinstance(tensor, Tensor)}


def _read_script(archive: zipfile.ZipFile) -> object:
    """The module object of a TorchScript archive, as stubs that hold its attributes.

    The layout is that of `torch.save`: NAME/data.pkl, and a file of raw numbers in NAME/data/ for every storage.
    """
    data = next(name for name in archive.namelist() if name.endswith("/data.pkl") and name.count("/") == 1)
    root = data.removesuffix("data.pkl")
    storages: dict[str, torch.TypedStorage] = {}

    class Reader(Unpickler):
        def find_class(self, module: str, name: str, /) -> Any:
            return STORAGES.get(f"{module}.{name}") or super().find_class(module, name)

        def persistent_load(self, pid: Any, /) -> object:
            _, dtype, key, _, _ = pid
            if key not in storages:
                raw = torch.frombuffer(bytearray(archive.read(f"{root}data/{key}")), dtype=torch.uint8)
                storages[key] = torch.TypedStorage(wrap_storage=raw.untyped_storage(), dtype=dtype, _internal=True)
            return storages[key]

    return Reader(io.BytesIO(archive.read(data))).load()


def _attributes(held: object, prefix: str) -> Iterator[tuple[str, Tensor]]:
    """The tensors of a scripted module and of all modules in it, with dotted names."""
    state = held.state if isinstance(held, Stub) else None
    for name, value in state.items() if isinstance(state, Mapping) else ():
        if isinstance(value, Tensor):
            yield f"{prefix}{name}", value.detach()
        else:
            yield from _attributes(value, f"{prefix}{name}.")


def _same_names(wanted: list[str], given: list[str], what: str) -> None:
    for side, names in (("lacks", set(wanted) - set(given)), ("has beyond them", set(given) - set(wanted))):
        if names:
            order = wanted if side == "lacks" else given
            first = next(name for name in order if name in names)
            count = f"{len(names)} of {len(wanted)}" if side == "lacks" else str(len(names))
            raise BadWeights(f"{what} holds other weights than this method needs: it {side} {count}, first {first}.")
