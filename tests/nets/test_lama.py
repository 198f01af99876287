"""LaMa's generator: the published names and sizes, every layout, and the fast arrangement against the plain one."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from rorem.errors import BadWeights
from rorem.nets.lama import Generator, build
from rorem.nets.lama_fast import FastGenerator, fourier, inverse_fourier, of_kernels, of_products, of_tiles
from rorem.nets.reading import read_tensors
from tests.checkpoints.lama import NAMES, random_generator, write_lama

# Of big-lama, from its published configuration and a listing of its state dict.
PUBLISHED = {
    "model.1.ffc.convl2l.weight": (64, 4, 7, 7),
    "model.2.ffc.convl2l.weight": (128, 64, 3, 3),
    "model.3.ffc.convl2l.weight": (256, 128, 3, 3),
    "model.4.ffc.convl2l.weight": (128, 256, 3, 3),
    "model.4.ffc.convl2g.weight": (384, 256, 3, 3),
    "model.4.bn_g.running_var": (384,),
    "model.5.conv1.ffc.convl2l.weight": (128, 128, 3, 3),
    "model.22.conv2.ffc.convl2g.weight": (384, 128, 3, 3),
    "model.22.conv2.ffc.convg2l.weight": (128, 384, 3, 3),
    "model.13.conv1.ffc.convg2g.conv1.0.weight": (192, 384, 1, 1),
    "model.13.conv1.ffc.convg2g.conv1.1.bias": (192,),
    "model.13.conv1.ffc.convg2g.fu.conv_layer.weight": (384, 384, 1, 1),
    "model.13.conv1.ffc.convg2g.fu.bn.running_mean": (384,),
    "model.13.conv1.ffc.convg2g.conv2.weight": (384, 192, 1, 1),
    "model.24.weight": (512, 256, 3, 3),
    "model.24.bias": (256,),
    "model.25.num_batches_tracked": (),
    "model.30.weight": (128, 64, 3, 3),
    "model.31.bias": (64,),
    "model.34.weight": (3, 64, 7, 7),
    "model.34.bias": (3,),
}


GOLDEN_PIXEL = [0.497107, 0.529668, 0.472136]
GOLDEN_MOMENTS = [0.499868, 0.030786]


def job(high: int, wide: int) -> tuple[Tensor, Tensor]:
    """A soft picture and a hole in it."""
    noise = torch.rand(1, 3, 4, 4, generator=torch.Generator().manual_seed(5))
    hole = torch.zeros(1, 1, high, wide)
    hole[..., high // 4 : high // 2, wide // 3 :] = 1
    return F.interpolate(noise, size=(high, wide), mode="bicubic").clamp(0, 1), hole


def test_the_published_size_has_the_published_tensors() -> None:
    with torch.device("meta"):
        generator = Generator()
    shapes = {name: tuple(tensor.shape) for name, tensor in generator.state_dict().items()}
    counters = [name for name in shapes if name.endswith("num_batches_tracked")]
    assert (len(shapes), len(counters)) == (989, 152)
    assert sum(parameter.numel() for parameter in generator.parameters()) == 50_975_875
    assert {name: shapes.get(name) for name in PUBLISHED} == PUBLISHED
    assert not [name for name in shapes if name.startswith("model.") and name.split(".")[1] in ("0", "23", "33", "35")]


@pytest.mark.parametrize("layout", NAMES)
def test_every_layout_gives_the_same_network(layout: str, tmp_path: Path) -> None:
    generator = random_generator()
    loaded = build(read_tensors(write_lama(tmp_path, layout, generator)), "it")
    assert not loaded.training and not any(parameter.requires_grad for parameter in loaded.parameters())
    assert loaded.state_dict().keys() == generator.state_dict().keys()
    assert all(torch.equal(tensor, generator.state_dict()[name]) for name, tensor in loaded.state_dict().items())
    assert torch.equal(loaded(*job(40, 48)), generator(*job(40, 48)))


def test_half_precision_and_missing_counters_are_taken() -> None:
    tensors = random_generator().state_dict()
    few = {name: tensor.half() for name, tensor in tensors.items() if not name.endswith("num_batches_tracked")}
    loaded = build(few, "it")
    assert all(tensor.dtype == torch.float32 for tensor in loaded.parameters())


def test_golden_values() -> None:
    """So that a change of the arithmetic is seen even where both arrangements make it."""
    painted = random_generator()(*job(32, 40))[0]
    assert painted[:, 10, 20].tolist() == pytest.approx(GOLDEN_PIXEL, abs=1e-4)
    assert [painted.mean().item(), painted.std().item()] == pytest.approx(GOLDEN_MOMENTS, abs=1e-4)


def test_what_lies_under_the_hole_is_not_seen() -> None:
    picture, hole = job(32, 40)
    other = torch.where(hole > 0, 1 - picture, picture)
    generator = random_generator()
    assert torch.equal(generator(picture, hole), generator(other, hole))


@pytest.mark.parametrize("size", [(16, 16), (16, 24), (24, 16), (40, 56), (64, 64), (72, 136), (200, 32)])
@pytest.mark.parametrize("width", [2, 4])
def test_the_fast_arrangement_paints_the_same(size: tuple[int, int], width: int) -> None:
    plain = random_generator(width, 3, contrast=1.0)
    picture, _ = job(*size)
    everywhere = torch.ones(1, 1, *size)
    everywhere[..., 0, 0] = 0
    difference = FastGenerator(plain)(picture, everywhere) - plain(picture, everywhere)
    assert difference.abs().max() < 2e-5  # rounding; a grey level is 4e-3


def test_the_fast_arrangement_paints_the_rows_of_the_hole() -> None:
    plain = random_generator()
    picture, hole = job(256, 64)  # rows 64 to 127
    hole[..., 200, 7] = 1
    difference = (FastGenerator(plain)(picture, hole) - plain(picture, hole)) * hole
    assert difference.abs().max() < 2e-5


def test_at_the_published_size_both_give_the_same_levels() -> None:
    plain = random_generator(64, 18, contrast=1.0)
    picture, hole = job(128, 128)
    fast, slow = (255 * hole * generator(picture, hole) for generator in (FastGenerator(plain), plain))
    assert slow.std() > 10  # else there would be nothing to see
    assert (fast - slow).abs().max() < 0.05


@pytest.mark.parametrize("size", [(2, 2), (3, 5), (4, 4), (9, 6), (16, 17)])
def test_winograd_is_a_convolution(size: tuple[int, int]) -> None:
    random = torch.Generator().manual_seed(1)
    x, weight = torch.randn(*size, 6, generator=random), torch.randn(5, 6, 3, 3, generator=random)
    made = of_products(torch.bmm(of_tiles(x), of_kernels(weight)), x.shape)
    padded = F.pad(x.permute(2, 0, 1)[None], (1, 1, 1, 1), mode="reflect")
    assert torch.allclose(made, F.conv2d(padded, weight)[0].permute(1, 2, 0), atol=1e-4)


@pytest.mark.parametrize("size", [(1, 2), (2, 3), (8, 8), (5, 6), (6, 5), (64, 33)])
def test_the_fourier_transform_is_one(size: tuple[int, int]) -> None:
    x = torch.randn(*size, 3, generator=torch.Generator().manual_seed(1))
    parts = fourier(x)
    wanted = torch.view_as_real(torch.fft.rfft2(x, dim=(0, 1), norm="ortho")).permute(3, 0, 1, 2)
    assert torch.allclose(parts, wanted, atol=1e-5)
    other = parts + torch.randn(parts.shape, generator=torch.Generator().manual_seed(2))  # no spectrum of real numbers
    complex_other = torch.view_as_complex(other.permute(1, 2, 3, 0).contiguous())
    wanted = torch.fft.irfft2(complex_other, s=size, dim=(0, 1), norm="ortho")
    assert torch.allclose(inverse_fourier(other, size[1]), wanted, atol=1e-5)


def changed(**replaced: Tensor | None) -> dict[str, Tensor]:
    tensors = {f"generator.{name}": tensor for name, tensor in random_generator().state_dict().items()}
    for name, tensor in replaced.items():
        key = "generator.model." + name.replace("__", ".")
        if tensor is None:
            del tensors[key]
        else:
            tensors[key] = tensor
    return tensors


@pytest.mark.parametrize(
    ("tensors", "sentence"),
    [
        ({"x": torch.ones(1)}, "it has no model.1.ffc.convl2l.weight of 4 channels."),
        ({"model.1.ffc.convl2l.weight": torch.tensor(1.0)}, "it has no model.1.ffc.convl2l.weight of 4 channels."),
        ({"model.1.ffc.convl2l.weight": torch.ones(4, 3, 7, 7)}, "it has no model.1.ffc.convl2l.weight of 4 channels."),
        (changed(**{"5__conv2__bn_g__bias": None}), "it lacks 1 of 157, first model.5.conv2.bn_g.bias."),
        (changed(**{"99__weight": torch.ones(2)}), "it has beyond them 1, first model.99.weight."),
        (changed(**{"2__bn_l__bias": torch.ones(2)}), "model.2.bn_l.bias is (2,) instead of (8,)."),
    ],
)
def test_other_weights_are_refused_in_one_sentence(tensors: dict[str, Tensor], sentence: str) -> None:
    with pytest.raises(BadWeights) as refused:
        build(tensors, "big-lama/best.ckpt")
    assert str(refused.value) == f"big-lama/best.ckpt holds other weights than this method needs: {sentence}"


def test_numbers_that_are_none_are_refused() -> None:
    broken = changed(**{"2__bn_l__bias": torch.full((8,), torch.nan)})
    with pytest.raises(BadWeights, match=r"^big-lama/best.ckpt is damaged: model.2.bn_l.bias holds"):
        build(broken, "big-lama/best.ckpt")
