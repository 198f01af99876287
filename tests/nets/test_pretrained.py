"""Networks of transformers: whole or not at all, and no pickle is trusted."""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from rorem.errors import BadWeights
from rorem.nets.pretrained import load_pretrained
from tests.checkpoints.clip import write_clip
from tests.checkpoints.dinov2 import write_dinov2

CPU = torch.device("cpu")


def test_a_pickle_and_safetensors_hold_the_same(tmp_path: Path) -> None:
    one = load_pretrained("CLIPModel", write_clip(tmp_path / "one"), CPU).state_dict()
    other = load_pretrained("CLIPModel", write_clip(tmp_path / "other", safe=True), CPU).state_dict()
    assert one.keys() == other.keys() and all(bool((one[name] == other[name]).all()) for name in one)


def test_half_precision_becomes_float32_and_nothing_learns(tmp_path: Path) -> None:
    file = write_dinov2(tmp_path) / "model.safetensors"
    save_file({name: one.half() for name, one in load_file(file).items()}, file, metadata={"format": "pt"})
    model = load_pretrained("Dinov2Model", tmp_path, CPU)
    assert {one.dtype for one in model.parameters()} == {torch.float32}
    assert not model.training and not any(one.requires_grad for one in model.parameters())


class Harm:
    """A pickle that writes a file when it is read."""

    def __init__(self, place: str) -> None:
        self.place = place

    def __reduce__(self) -> tuple[Callable[..., object], tuple[str, str]]:
        return open, (self.place, "w")


def test_what_a_pickle_wants_done_is_not_done(tmp_path: Path) -> None:
    folder = write_clip(tmp_path / "clip")
    (folder / "pytorch_model.bin").write_bytes(pickle.dumps({"a": Harm(str(tmp_path / "harm"))}, 2))
    with pytest.raises(BadWeights):
        load_pretrained("CLIPModel", folder, CPU)
    assert not (tmp_path / "harm").exists()


def edited(folder: Path, edit: Callable[[dict[str, torch.Tensor]], object]) -> None:
    tensors = load_file(folder / "model.safetensors")
    edit(tensors)
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})


def a_tensor_less(folder: Path) -> None:
    edited(folder, lambda tensors: tensors.pop("layernorm.weight"))


def another_shape(folder: Path) -> None:
    edited(folder, lambda tensors: tensors.update({"layernorm.weight": torch.ones(3)}))


def no_number(folder: Path) -> None:
    edited(folder, lambda tensors: tensors["layernorm.weight"].fill_(float("inf")))


def cut(folder: Path) -> None:
    file = folder / "model.safetensors"
    file.write_bytes(file.read_bytes()[:2000])


def another_network(folder: Path) -> None:
    (folder / "config.json").write_text('{"model_type": "bert"}')


def no_json(folder: Path) -> None:
    (folder / "config.json").write_text("<html>")


def nonsense(folder: Path) -> None:
    given = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**given, "hidden_size": "large"}))


def no_weights(folder: Path) -> None:
    (folder / "model.safetensors").unlink()


@pytest.mark.parametrize(
    "harm", [a_tensor_less, another_shape, no_number, cut, another_network, no_json, nonsense, no_weights]
)
def test_a_damaged_folder_is_refused_in_one_sentence(tmp_path: Path, harm: Callable[[Path], None]) -> None:
    harm(write_dinov2(tmp_path / "dinov2-base"))
    with pytest.raises(BadWeights) as told:
        load_pretrained("Dinov2Model", tmp_path / "dinov2-base", CPU)
    assert "dinov2-base" in str(told.value) and "\n" not in str(told.value)
