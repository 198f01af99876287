"""The networks that metrics ask, and what they said of the last few pictures.

Each network is loaded once per process, when a metric that needs it is. What it says of a picture is kept for a while:
ten methods on one photo share what is seen in the photo, and several metrics what is seen in a result.
"""

from __future__ import annotations

import hashlib
import os
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import numpy as np

from rorem.errors import Unavailable
from rorem.hosting import gpu_is_lent
from rorem.weights import Hub, Part, Url, WeightFile, require
from rorem.weights.sdxl import tokenizer_files

if TYPE_CHECKING:
    from rorem.nets.clip import Clip
    from rorem.nets.dinov2 import Dinov2
    from rorem.nets.lpips import Lpips
    from rorem.nets.sam import Sam

PACKAGES = ("torch", "transformers", "safetensors")
LPIPS_PACKAGES = ("torch",)
# safetensors where a repository has them; read safely where it has only a pickle.
MODEL = (WeightFile("config.json"), WeightFile("model.safetensors", alternatives=("pytorch_model.bin",)))
TORCHVISION = Url("https://download.pytorch.org/models")
AUTHORS = Url("https://raw.githubusercontent.com/richzhang/PerceptualSimilarity/master/lpips/weights/v0.1")

DINOV2_BASE = Part("dinov2-base", "DINOv2 (base)", Hub("facebook/dinov2-base"), MODEL, 346_000_000)
DINOV2_GIANT = Part("dinov2-giant", "DINOv2 (giant)", Hub("facebook/dinov2-giant"), MODEL, 4_550_000_000)
CLIP_L = Part(
    "clip-vit-large-patch14-336",
    "CLIP (L/14 at 336 px)",
    Hub("openai/clip-vit-large-patch14-336"),
    (*MODEL, *tokenizer_files("")),
    1_710_000_000,
)
SAM_HUGE = Part("sam-vit-huge", "the first SAM (huge)", Hub("facebook/sam-vit-huge"), MODEL, 2_560_000_000)
TOWERS = {
    "alex": Part(
        "lpips-alexnet",
        "AlexNet, for LPIPS",
        TORCHVISION,
        (WeightFile("alexnet-owt-7be5be79.pth", bytes=244_408_911, sha256="7be5be79"),),
    ),
    "vgg": Part(
        "lpips-vgg16",
        "VGG16, for LPIPS",
        TORCHVISION,
        (WeightFile("vgg16-397923af.pth", bytes=553_433_881, sha256="397923af"),),
    ),
    "squeeze": Part(
        "lpips-squeezenet",
        "SqueezeNet, for LPIPS",
        TORCHVISION,
        (WeightFile("squeezenet1_1-b8a52dc0.pth", bytes=4_958_839, sha256="b8a52dc0"),),
    ),
}
HEADS = {
    "alex": Part(
        "lpips-alex",
        "the weights of LPIPS for AlexNet",
        AUTHORS,
        (WeightFile("alex.pth", bytes=6_009, sha256="df73285e35b22355a2df87cdb6b70b34"),),
    ),
    "vgg": Part(
        "lpips-vgg",
        "the weights of LPIPS for VGG16",
        AUTHORS,
        (WeightFile("vgg.pth", bytes=7_289, sha256="a78928a0af1e5f0fcb1f3b9e8f8c3a2a"),),
    ),
    "squeeze": Part(
        "lpips-squeeze",
        "the weights of LPIPS for SqueezeNet",
        AUTHORS,
        (WeightFile("squeeze.pth", bytes=10_811, sha256="4a5350f23600cb79923ce65bb07cbf57"),),
    ),
}
PARTS = (*TOWERS.values(), *HEADS.values(), DINOV2_BASE, DINOV2_GIANT, CLIP_L, SAM_HUGE)

KEPT_BYTES = 256_000_000  # of what one network said; more is not kept
KEPT_PICTURES = 16  # a photo, its truth and some results, each perhaps cut in two ways

Made = TypeVar("Made")
_shelf: dict[str, tuple[object, Any]] = {}
_lock = threading.RLock()


class Measured(Protocol):
    @property
    def nbytes(self) -> int: ...


Said = TypeVar("Said", bound=Measured)


class Asked:
    """A network, and what it said of the last few pictures. One question is answered at a time, from any thread."""

    def __init__(self, net: Any, bytes: int = KEPT_BYTES, pictures: int = KEPT_PICTURES) -> None:
        self.net = net
        self._bytes, self._pictures = bytes, pictures
        self._said: OrderedDict[object, Any] = OrderedDict()
        self._lock = threading.RLock()

    def of(self, picture: np.ndarray, what: Hashable, make: Callable[[], Said]) -> Said:
        """What `make` says of a picture; only the first time it is called. what: names the question."""
        key = what, picture.shape, hashlib.blake2b(picture.tobytes(), digest_size=16).digest()
        with self._lock:
            if key not in self._said:
                self._said[key] = make()
            self._said.move_to_end(key)
            found = self._said[key]
            while len(self._said) > self._pictures or sum(one.nbytes for one in self._said.values()) > self._bytes:
                self._said.popitem(last=False)
        return found


def dinov2(part: Part, environment: Mapping[str, str] = os.environ) -> Asked:
    """DINOv2 of this process. Raises Unavailable, MissingWeights, BadWeights, BadOptions."""

    def make(device: Any) -> Dinov2:
        from rorem.nets.dinov2 import Dinov2

        return Dinov2(require(part, environment), device)

    return _shared(part.name, (part,), PACKAGES, make, environment)


def clip(environment: Mapping[str, str] = os.environ) -> Asked:
    """CLIP of this process. Raises as `dinov2`."""

    def make(device: Any) -> Clip:
        from rorem.nets.clip import Clip

        return Clip(require(CLIP_L, environment), device)

    return _shared(CLIP_L.name, (CLIP_L,), PACKAGES, make, environment)


def sam(environment: Mapping[str, str] = os.environ) -> Asked:
    """SAM of this process. Raises as `dinov2`."""

    def make(device: Any) -> Sam:
        from rorem.nets.sam import Sam

        return Sam(require(SAM_HUGE, environment), device)

    return _shared(SAM_HUGE.name, (SAM_HUGE,), PACKAGES, make, environment)


def lpips(net: str, environment: Mapping[str, str] = os.environ) -> Asked:
    """LPIPS of this process with one of TOWERS. Raises as `dinov2`."""

    def make(device: Any) -> Lpips:
        from rorem.nets.lpips import load

        tower, head = (require(part, environment) / part.files[0].name for part in (TOWERS[net], HEADS[net]))
        return load(net, tower, head).to(device)

    return _shared(f"lpips@{net}", (TOWERS[net], HEADS[net]), LPIPS_PACKAGES, make, environment)


def clear() -> None:
    """Lets go of all networks and of what they said."""
    with _lock:
        _shelf.clear()


def _shared(
    name: str,
    parts: tuple[Part, ...],
    packages: tuple[str, ...],
    make: Callable[[Any], object],
    environment: Mapping[str, str],
) -> Asked:
    """The network of this name; loaded anew where its weights or the device for it have become others."""
    if absent := [one for one in packages if find_spec(one) is None]:
        raise Unavailable(f"It needs the package {absent[0]}.", "pip install 'rorem[models]' brings it.")
    import torch

    from rorem.nets.compute import DEVICE, device

    key = tuple(require(part, environment) for part in parts), environment.get(DEVICE)
    with _lock:
        if name not in _shelf or _shelf[name][0] != key:
            _shelf.pop(name, None)  # before the other takes memory
            place = (
                torch.device("cpu") if gpu_is_lent(environment) else device(environment)
            )  # nothing is queued for one
            _shelf[name] = key, Asked(make(place))
        return _shelf[name][1]
