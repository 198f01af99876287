"""LPIPS: the published layouts, the towers written out a second time, and the distance against numpy."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

from rorem.errors import BadWeights
from rorem.metrics.lpips import reference_distance, reference_map
from rorem.nets.lpips import CHANNELS, SMALLEST, Features, Lpips, distance, distance_map, load, unit
from tests.checkpoints.lpips import head_weights, tower_weights, write_lpips

NETS = ("alex", "vgg", "squeeze")
# Of torchvision's own files: where a convolution lies in `features`, and the shape of its weight.
ALEX = {0: (64, 3, 11, 11), 3: (192, 64, 5, 5), 6: (384, 192, 3, 3), 8: (256, 384, 3, 3), 10: (256, 256, 3, 3)}
VGG = {
    **{0: (64, 3), 2: (64, 64), 5: (128, 64), 7: (128, 128), 10: (256, 128), 12: (256, 256), 14: (256, 256)},
    **{17: (512, 256), 19: (512, 512), 21: (512, 512), 24: (512, 512), 26: (512, 512), 28: (512, 512)},
}
FIRES = {
    **{3: (64, 16, 64), 4: (128, 16, 64), 6: (128, 32, 128), 7: (256, 32, 128)},
    **{9: (256, 48, 192), 10: (384, 48, 192), 11: (384, 64, 256), 12: (512, 64, 256)},
}


def published_shapes(net: str) -> dict[str, tuple[int, ...]]:
    if net == "alex":
        weights = {f"features.{n}": shape for n, shape in ALEX.items()}
    elif net == "vgg":
        weights = {f"features.{n}": (*shape, 3, 3) for n, shape in VGG.items()}
    else:
        weights = {"features.0": (64, 3, 3, 3)}
        for n, (given, squeezed, made) in FIRES.items():
            weights[f"features.{n}.squeeze"] = (squeezed, given, 1, 1)
            weights[f"features.{n}.expand1x1"] = (made, squeezed, 1, 1)
            weights[f"features.{n}.expand3x3"] = (made, squeezed, 3, 3)
    biases = {f"{name}.bias": shape[:1] for name, shape in weights.items()}
    return {**{f"{name}.weight": shape for name, shape in weights.items()}, **biases}


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Lpips]:
    folder = tmp_path_factory.mktemp("models")
    return {net: load(net, *write_lpips(folder, net)) for net in NETS}


def picture(height: int, width: int, seed: int) -> torch.Tensor:
    small = np.random.default_rng(seed).integers(0, 256, (1, 3, max(2, height // 8), max(2, width // 8)))
    return F.interpolate(torch.from_numpy(small).float(), (height, width), mode="bilinear").round()


@pytest.mark.parametrize("net", NETS)
def test_names_and_shapes_are_those_of_the_published_files(net: str) -> None:
    model = Lpips(net)
    held = {f"features.{name}": tuple(one.shape) for name, one in model.features.state_dict().items()}
    assert held == published_shapes(net)
    heads = {name: tuple(one.shape) for name, one in model.lins.state_dict().items()}
    assert heads == {f"lin{n}.model.1.weight": (1, count, 1, 1) for n, count in enumerate(CHANNELS[net])}


def maps(net: str, weights: dict[str, torch.Tensor], seen: torch.Tensor) -> list[torch.Tensor]:
    """The outputs that are compared, layer by layer as the slices of lpips/pretrained_networks.py run."""

    def conv(given: torch.Tensor, name: str, **how: int) -> torch.Tensor:
        return F.conv2d(given, weights[f"features.{name}.weight"], weights[f"features.{name}.bias"], **how).relu()

    def fire(given: torch.Tensor, n: int) -> torch.Tensor:
        small = conv(given, f"{n}.squeeze")
        return torch.cat([conv(small, f"{n}.expand1x1"), conv(small, f"{n}.expand3x3", padding=1)], 1)

    if net == "alex":
        one = conv(seen, "0", stride=4, padding=2)
        two = conv(F.max_pool2d(one, 3, 2), "3", padding=2)
        three = conv(F.max_pool2d(two, 3, 2), "6", padding=1)
        four = conv(three, "8", padding=1)
        return [one, two, three, four, conv(four, "10", padding=1)]
    if net == "vgg":
        found = []
        for block in ((0, 2), (5, 7), (10, 12, 14), (17, 19, 21), (24, 26, 28)):
            seen = F.max_pool2d(seen, 2, 2) if found else seen
            for n in block:
                seen = conv(seen, str(n), padding=1)
            found.append(seen)
        return found

    def pool(given: torch.Tensor) -> torch.Tensor:
        return F.max_pool2d(given, 3, 2, ceil_mode=True)

    one = conv(seen, "0", stride=2)
    two = fire(fire(pool(one), 3), 4)
    three = fire(fire(pool(two), 6), 7)
    four = fire(pool(three), 9)
    five = fire(four, 10)
    six = fire(five, 11)
    return [one, two, three, four, five, six, fire(six, 12)]


@pytest.mark.parametrize("net", NETS)
def test_the_published_files_give_the_distance_written_out(net: str, models: dict[str, Lpips]) -> None:
    first, second = picture(45, 70, 1), picture(45, 70, 2)
    shift, scale = torch.tensor([-0.030, -0.088, -0.188]), torch.tensor([0.458, 0.448, 0.450])
    seen = [(one / 255 * 2 - 1 - shift[:, None, None]) / scale[:, None, None] for one in (first, second)]
    weights = tower_weights(net)
    raw = [[one[0].double().numpy() for one in maps(net, weights, given)] for given in seen]
    heads = [one.double().flatten().numpy() for one in head_weights(net).values()]
    model = models[net]
    one, other = model(first), model(second)
    assert distance(one, other, model.heads) == pytest.approx(reference_distance(raw[0], raw[1], heads), rel=1e-5)
    mapped = distance_map(one, other, model.heads).numpy()
    assert mapped.shape == (45, 70)
    assert np.allclose(mapped, reference_map(raw[0], raw[1], heads, 45, 70), atol=1e-4)


@given(st.integers(0, 10**6), st.integers(1, 4), st.integers(1, 7), st.integers(1, 7))
@settings(max_examples=40)
def test_torch_and_numpy_agree_on_any_features(seed: int, taps: int, high: int, wide: int) -> None:
    rng = np.random.default_rng(seed)
    height, width = high + SMALLEST, wide + SMALLEST
    shapes = [(int(rng.integers(1, 6)), -(-high // (n + 1)), -(-wide // (n + 1))) for n in range(taps)]
    pairs = [[rng.normal(size=shape) for shape in shapes] for _ in range(2)]
    pairs[0][0][:, 0, 0] = 0  # a place without any feature
    heads = [rng.random(shape[0]) for shape in shapes]
    first, second = (
        Features(tuple(unit(torch.from_numpy(one)[None]) for one in given), width, height) for given in pairs
    )
    weights = [torch.from_numpy(one) for one in heads]
    assert distance(first, second, weights) == pytest.approx(reference_distance(pairs[0], pairs[1], heads), rel=1e-9)
    mapped = distance_map(first, second, weights).numpy()
    assert np.allclose(mapped, reference_map(pairs[0], pairs[1], heads, height, width), atol=1e-9)


@pytest.mark.parametrize("net", NETS)
def test_equal_pictures_have_no_distance_and_the_order_does_not_matter(net: str, models: dict[str, Lpips]) -> None:
    model = models[net]
    one, other = model(picture(40, 33, 3)), model(picture(40, 33, 4))
    assert distance(one, one, model.heads) == 0 and not distance_map(one, one, model.heads).any()
    assert distance(one, other, model.heads) == distance(other, one, model.heads) > 0


# Of the seeded weights on the two pictures below; a change of these is a change of the metric.
GOLDEN = {"alex": 1.3310, "vgg": 0.9048, "squeeze": 1.3173}


@pytest.mark.parametrize("net", NETS)
def test_golden_values(net: str, models: dict[str, Lpips]) -> None:
    rows, columns = np.mgrid[:48, :64]
    one = np.stack([rows * 5, columns * 3, 255 - rows * 2 - columns])[None]
    other = np.stack([columns * 3, rows * 5, 128 + 0 * rows])[None]
    model = models[net]
    first, second = (model(torch.from_numpy(given).float()) for given in (one, other))
    assert distance(first, second, model.heads) == pytest.approx(GOLDEN[net], abs=1e-3)


@pytest.mark.parametrize("net", NETS)
@pytest.mark.parametrize("size", [(1, 1), (5, 40), (31, 32), (32, 17)])
def test_small_pictures_are_filled_up(net: str, size: tuple[int, int], models: dict[str, Lpips]) -> None:
    model = models[net]
    one, other = model(picture(*size, 5)), model(picture(*size, 6))
    assert 0 < distance(one, other, model.heads) < 10
    assert distance_map(one, other, model.heads).shape == size


def another_net(tower: Path, head: Path) -> tuple[Path, Path]:
    return write_lpips(tower.parent.parent, "squeeze")[0], head


def another_head(tower: Path, head: Path) -> tuple[Path, Path]:
    return tower, write_lpips(head.parent.parent, "squeeze")[1]


def cut_off(tower: Path, head: Path) -> tuple[Path, Path]:
    tower.write_bytes(tower.read_bytes()[:9000])
    return tower, head


def no_numbers(tower: Path, head: Path) -> tuple[Path, Path]:
    torch.save({**head_weights("alex"), "lin1.model.1.weight": torch.full((1, 192, 1, 1), float("nan"))}, head)
    return tower, head


@pytest.mark.parametrize("harm", [another_net, another_head, cut_off, no_numbers])
def test_other_files_are_refused(tmp_path: Path, harm: Callable[[Path, Path], tuple[Path, Path]]) -> None:
    with pytest.raises(BadWeights):
        load("alex", *harm(*write_lpips(tmp_path, "alex")))
