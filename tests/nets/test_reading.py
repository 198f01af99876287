"""Weight files of every layout give the same tensors, run nothing, and fail in one sentence."""

from __future__ import annotations

import os
import pickle
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from rorem.errors import BadWeights
from rorem.nets.reading import Stub, fit, named, read_tensors


class Foreign:
    """A class that the reader does not know, with all the ways in which a pickle can fill an object."""

    def __init__(self, size: int = 3) -> None:
        self.size = size
        self.tensor = torch.ones(2)


class ForeignList(list[int]):
    pass


class ForeignDict(dict[str, int]):
    pass


class Evil:
    """Runs a command when it is unpickled."""

    def __init__(self, command: str) -> None:
        self.command = command

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, (self.command,)


def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Sequential(nn.Linear(4, 2)))


WEIGHTS = {name: tensor.clone() for name, tensor in network().state_dict().items()}


def lightning(weights: dict[str, Tensor], foreign: object) -> dict[str, object]:
    return {
        "epoch": 3,
        "hyper_parameters": foreign,
        "callbacks": {Foreign: foreign},
        "state_dict": OrderedDict(weights),
    }


def write_script(path: Path) -> None:
    torch.jit.script(network()).save(path)


def write_traced(path: Path) -> None:
    traced = torch.jit.trace(network()[0], torch.zeros(1, 3, 8, 8))  # type: ignore[index]
    traced.save(path)  # type: ignore[union-attr]


WRITERS: dict[str, Callable[[Path], object]] = {
    "plain.safetensors": lambda path: save_file(WEIGHTS, path),
    "plain.bin": lambda path: torch.save(WEIGHTS, path),
    "old.pth": lambda path: torch.save(WEIGHTS, path, _use_new_zipfile_serialization=False),
    "parameters.pt": lambda path: torch.save(
        {n: nn.Parameter(t) if t.is_floating_point() else t for n, t in WEIGHTS.items()}, path
    ),
    "lightning.ckpt": lambda path: torch.save(lightning(WEIGHTS, 1), path),
    "foreign.ckpt": lambda path: torch.save(lightning(WEIGHTS, [Foreign(), ForeignList([1]), ForeignDict(a=1)]), path),
    "foreign-old.ckpt": lambda path: torch.save(
        lightning(WEIGHTS, Foreign()), path, _use_new_zipfile_serialization=False
    ),
    "script.pt": write_script,
}


@pytest.mark.parametrize("name", WRITERS)
def test_every_layout_gives_the_same_tensors(name: str, tmp_path: Path) -> None:
    WRITERS[name](tmp_path / name)
    read = read_tensors(tmp_path / name)
    assert read.keys() == WEIGHTS.keys()
    for key, tensor in read.items():
        assert torch.equal(tensor, WEIGHTS[key]) and tensor.dtype == WEIGHTS[key].dtype
        assert not tensor.requires_grad and tensor.device.type == "cpu"


@pytest.mark.parametrize("write", [write_script, write_traced])
def test_a_script_is_read_as_torch_reads_it(write: Callable[[Path], None], tmp_path: Path) -> None:
    write(tmp_path / "script.pt")
    wanted = torch.jit.load(tmp_path / "script.pt").state_dict()
    read = read_tensors(tmp_path / "script.pt")
    assert read.keys() == wanted.keys() and all(torch.equal(read[name], wanted[name]) for name in wanted)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64, torch.int64, torch.bool])
def test_precision_is_kept(dtype: torch.dtype, tmp_path: Path) -> None:
    one = torch.tensor([[0, 1, 1], [1, 0, 1]], dtype=dtype).t()
    torch.save(lightning({"one": one, "two": one[1:]}, Foreign()), tmp_path / "x.ckpt")
    read = read_tensors(tmp_path / "x.ckpt")
    assert read["one"].dtype == dtype and torch.equal(read["one"], one) and torch.equal(read["two"], one[1:])


@pytest.mark.parametrize("new", [True, False])
@pytest.mark.parametrize("name", ["evil.pt", "evil.ckpt", "evil.bin", "evil.pth"])
def test_nothing_in_a_file_is_run(name: str, new: bool, tmp_path: Path) -> None:
    sign = tmp_path / "run"
    evil = Evil(f"touch {sign}")
    torch.save({**WEIGHTS, "evil": evil}, tmp_path / name, _use_new_zipfile_serialization=new)
    assert read_tensors(tmp_path / name).keys() == WEIGHTS.keys()
    assert not sign.exists()
    pickle.loads(pickle.dumps(evil))  # else the test would prove nothing
    assert sign.exists()


def test_a_bare_pickle_is_not_run_either(tmp_path: Path) -> None:
    sign = tmp_path / "run"
    (tmp_path / "evil.pt").write_bytes(pickle.dumps(Evil(f"touch {sign}")))
    with pytest.raises(BadWeights):
        read_tensors(tmp_path / "evil.pt")
    assert not sign.exists()


def test_a_stub_takes_anything() -> None:
    stub = Stub(1, two=2)
    stub["a"] = stub
    stub.append(1)
    stub.extend([1])
    stub.add(1)
    assert isinstance(stub(1, 2), Stub)


@pytest.mark.parametrize("name", WRITERS)
@pytest.mark.parametrize(
    "broken", [lambda whole: whole[: len(whole) // 2], lambda _: b"", lambda _: b"<html>404</html>" * 99]
)
def test_a_damaged_file_is_said_to_be(name: str, broken: Callable[[bytes], bytes], tmp_path: Path) -> None:
    path = tmp_path / "big" / name
    path.parent.mkdir()
    WRITERS[name](path)
    path.write_bytes(broken(path.read_bytes()))
    with pytest.raises(BadWeights) as refused:
        read_tensors(path)
    assert str(refused.value) == f"big/{name} is damaged."


def test_a_file_that_is_not_there_or_holds_nothing_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(BadWeights, match=r"/none.pt cannot be read \(No such file or directory\)\."):
        read_tensors(tmp_path / "none.pt")
    with pytest.raises(BadWeights, match=r"/none.safetensors cannot be read"):
        read_tensors(tmp_path / "none.safetensors")
    for held in ([1], {"epoch": 1}, Foreign()):
        torch.save(held, tmp_path / "empty.pt")
        with pytest.raises(BadWeights, match=r"/empty.pt holds no weights\."):
            read_tensors(tmp_path / "empty.pt")


def test_a_module_gets_its_weights_also_from_the_meta_device() -> None:
    for device in ("cpu", "meta"):
        with torch.device(device):
            module = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Sequential(nn.Linear(4, 2)))
        fit(module, WEIGHTS, "it")
        assert all(torch.equal(tensor, WEIGHTS[name]) for name, tensor in module.state_dict().items())


def test_precision_can_be_chosen() -> None:
    module = network()
    fit(module, WEIGHTS, "it", torch.float16)
    assert module.state_dict()["0.weight"].dtype == torch.float16
    assert module.state_dict()["1.num_batches_tracked"].dtype == torch.int64


def test_batch_counters_may_be_missing_or_too_many() -> None:
    less = {name: tensor for name, tensor in WEIGHTS.items() if not name.endswith("num_batches_tracked")}
    fit(network(), less, "it")
    fit(network(), {**WEIGHTS, "9.num_batches_tracked": torch.tensor(1)}, "it")


def changed(name: str, value: Tensor | None) -> dict[str, Tensor]:
    weights = dict(WEIGHTS)
    if value is None:
        del weights[name]
    else:
        weights[name] = value
    return weights


HOLE = WEIGHTS["0.weight"].clone()
HOLE[1, 2, 0, 1] = torch.nan
VAST = WEIGHTS["0.bias"].clone()
VAST[0] = -torch.inf


@pytest.mark.parametrize(
    ("weights", "sentence"),
    [
        (changed("0.bias", None), "a/b.pt holds other weights than this method needs: it lacks 1 of 9, first 0.bias."),
        ({"x": HOLE}, "a/b.pt holds other weights than this method needs: it lacks 8 of 9, first 0.weight."),
        (changed("x", HOLE), "a/b.pt holds other weights than this method needs: it has beyond them 1, first x."),
        (
            changed("0.bias", torch.zeros(5)),
            "a/b.pt holds other weights than this method needs: 0.bias is (5,) instead of (4,).",
        ),
        (changed("0.weight", HOLE), "a/b.pt is damaged: 0.weight holds values that are no numbers."),
        (changed("0.bias", VAST), "a/b.pt is damaged: 0.bias holds values that are no numbers."),
        (changed("0.bias", VAST.half()), "a/b.pt is damaged: 0.bias holds values that are no numbers."),
    ],
)
def test_what_does_not_fit_is_refused_in_one_sentence(weights: dict[str, Tensor], sentence: str) -> None:
    module = network()
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.fill_(7)
    with pytest.raises(BadWeights) as refused:
        fit(module, weights, "a/b.pt")
    assert str(refused.value) == sentence
    assert all((parameter == 7).all() for parameter in module.parameters())


def test_errors_name_a_file_with_its_folder() -> None:
    assert named(Path("/somewhere/big-lama/best.ckpt")) == "big-lama/best.ckpt"
