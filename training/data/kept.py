"""Samples from latents that were made before training."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from torch import Tensor

from rorem.errors import BadData, BadOptions
from rorem.nets.vae import Vae
from rorem.triplet import Triplet
from training.data import latents
from training.data.caching import MASK, Filled, Shape, Wanted, fill
from training.data.samples import Look
from training.data.sets import Sets
from training.data.settings import DataSettings
from training.data.store import Store


class KeptLatents:
    """Looked up by the content of a record, whose files are read but not unpacked: what has changed is not found."""

    def __init__(self, store: Store, wanted: Wanted, filled: Filled, settings: DataSettings) -> None:
        self._store, self._wanted, self._filled, self._settings = store, wanted, filled, settings

    @classmethod
    def make(
        cls,
        sets: Sets,
        records: Sequence[int],
        shape_of: Callable[[int], Shape],
        parts: frozenset[str],
        judged: bool,
        vae: Vae | None,
        settings: DataSettings,
    ) -> KeptLatents:
        """Encodes what has not been encoded yet. parts, judged: see `Wanted`. Raises BadOptions, BadData."""
        if vae is None:
            fix = "Leave out --cache_latents."
            raise BadOptions("Nothing is here to encode pictures with, so latents cannot be kept.", fix)
        wanted = Wanted(parts, judged, latents.fingerprint_of(vae))
        store = Store(settings.cache / "latents" / wanted.encoder[:16])
        return cls(store, wanted, fill(store, sets, records, shape_of, wanted, vae, settings), settings)

    def tensors(self, triplet: Triplet, how: Look) -> dict[str, Tensor]:
        """NAME_mean and NAME_std, (4, h, w); mask, size. Raises BadData for a record that is not there as it is."""
        found: dict[str, Tensor] = {}
        for part, key in self._wanted.keys(triplet, how, self._settings).items():
            if key not in self._store:
                raise self._lacking(triplet)
            data = self._store[key]
            if part == MASK:
                found["mask"], found["size"] = latents.unpacked_mask(data)
                continue
            name = "target" if part == "result" else part
            mean, spread = latents.unpacked(data)
            found[f"{name}_mean"] = mean
            if spread is not None:
                found[f"{name}_std"] = spread
        return found

    def _lacking(self, triplet: Triplet) -> BadData:
        if triplet.id in self._filled.bad:
            return BadData("it could not be used when latents were made")
        self._filled.note.unlink(missing_ok=True)  # so that the next start looks at all records again
        return BadData("it has changed since latents were made; the next start of the run makes them anew")
