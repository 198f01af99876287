"""Latents that are made once: right, never stale, and made further after a kill."""

from __future__ import annotations

import logging
import multiprocessing
import os
import shutil
import signal
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from rorem.errors import BadData, BadOptions
from rorem.nets.vae import Vae
from rorem.triplet import write_folder
from tests.checkpoints.full_size import SDXL_VAE
from tests.checkpoints.parts import seeded, tiny_vae
from tests.checkpoints.parts import vae as plain_vae
from tests.training.data.scenes import photo, png, triplet, write_scenes
from training.data import DataSettings, DataSource, caching, posterior
from training.data.latents import packed, unpacked
from training.data.store import Store

WANTS = ("masked", "mask", "result")


def make_vae(seed: int = 0) -> Vae:
    with seeded(seed):
        return Vae(plain_vae(tiny_vae(SDXL_VAE)), torch.device("cpu"), torch.float32)


VAE = make_vae()


def settings(folder: Path, **given: object) -> DataSettings:
    told = {"data": str(folder), "size": 64, "cache": folder.parent / "cache", "cache_latents": True, "variants": 1}
    return DataSettings.model_validate({**told, **given})


class Counted:
    """Counts the pictures that are encoded, and may break at one."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, most: int = 10**9) -> None:
        self.count, self._most, self._plain = 0, most, caching.latents.posterior
        monkeypatch.setattr(caching.latents, "posterior", self)

    def __call__(self, vae: Vae, pictures: torch.Tensor) -> object:
        self.count += len(pictures)
        if self.count > self._most:
            raise KeyboardInterrupt
        return self._plain(vae, pictures)


def test_latents_are_those_of_the_pictures(tmp_path: Path) -> None:
    folder = write_scenes(tmp_path / "set", 4, [(96, 64), (64, 64)])
    told = settings(folder, mask_change=0.6, variants=2)
    kept = DataSource(told, (*WANTS, "source"), VAE)
    plain = DataSource(told.model_copy(update={"cache_latents": False}), (*WANTS, "source"))
    one, other = kept.batch(range(12)), plain.batch(range(12))
    assert one.names == other.names and one.seeds == other.seeds and not one.bad
    assert torch.equal(one["mask"], other["mask"])
    for name, part in (("target", "result"), ("masked", "masked"), ("source", "source")):
        mean, spread = posterior(VAE, other[part])
        torch.testing.assert_close(one[f"{name}_mean"], mean, atol=2e-3, rtol=2e-3)
        torch.testing.assert_close(one[f"{name}_std"], spread, atol=0, rtol=0.02)
        assert one[f"{name}_mean"].dtype == torch.float32
    assert not set(one.tensors) & {"source", "result", "masked", "size"}


def test_they_take_as_much_as_is_told() -> None:
    wanted = caching.Wanted(frozenset(WANTS), False, "")
    told = DataSettings.model_validate({"cache_latents": True, "variants": 1, "cache_spread": False, "flip": False})
    assert caching.bytes_of(200_000, wanted, told) == pytest.approx(13.1e9, rel=0.01)


def test_packing() -> None:
    mean, spread = torch.randn(4, 8, 6), torch.randn(4, 8, 6).mul(3).exp()
    again, about = unpacked(packed(mean, spread))
    assert torch.equal(again, mean.half().float()) and about is not None
    assert (about.log() - spread.log()).abs().max() < 0.6 * (spread.log().max() - spread.log().min()) / 255
    assert len(packed(torch.zeros(4, 64, 64), None)) < 33_000 and unpacked(packed(mean, None))[1] is None
    flat = unpacked(packed(mean, torch.full_like(mean, 0.5)))[1]
    assert flat is not None and torch.allclose(flat, torch.tensor(0.5), rtol=1e-5)


def test_they_are_made_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = write_scenes(tmp_path / "set", 3)
    counted = Counted(monkeypatch)
    DataSource(settings(folder), WANTS, VAE)
    assert counted.count == 3 * 2 * 2  # records, pictures, mirrored or not
    DataSource(settings(folder, seed=5, lr=0.1), WANTS, VAE)  # another run
    assert counted.count == 12
    DataSource(settings(folder), (*WANTS, "source"), VAE)  # what is new alone
    assert counted.count == 18
    shutil.copytree(folder, tmp_path / "moved")
    DataSource(settings(tmp_path / "moved"), WANTS, VAE)  # the same pictures elsewhere
    assert counted.count == 18
    DataSource(settings(folder, variants=2, mask_change=0.5), WANTS, VAE)
    assert counted.count > 18


@pytest.mark.parametrize("changed", ["result", "source", "vae", "size"])
def test_they_are_never_stale(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, changed: str) -> None:
    folder = write_scenes(tmp_path / "set", 3)
    made = DataSource(settings(folder, flip=False), WANTS, VAE)
    before = made.batch(range(3))
    vae, given = VAE, {}
    if changed in ("result", "source"):  # one of them is exchanged under the same name
        room = {"result": "GT", "source": "source"}[changed]
        file = sorted((folder / room).iterdir())[1]
        file.write_bytes(png(255 - photo()))
        batch = made.batch(range(3))  # a run that goes on meanwhile
        assert "scene-001: it has changed since" in batch.bad[0] and "scene-001" not in batch.names
    elif changed == "vae":
        vae = make_vae(1)
    else:
        given = {"size": 32}
    counted = Counted(monkeypatch)
    after = DataSource(settings(folder, flip=False, **given), WANTS, vae).batch(range(3))
    assert counted.count == {"result": 1, "source": 2, "vae": 6, "size": 6}[changed]
    assert not after.bad
    place = before.names.index("scene-001")
    other = after["masked_mean" if changed == "source" else "target_mean"][place]
    mine = before["masked_mean" if changed == "source" else "target_mean"][place]
    assert other.shape != mine.shape or not torch.equal(other, mine)


def test_a_build_that_was_broken_off_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = write_scenes(tmp_path / "set", 6)
    monkeypatch.setattr(caching, "SHARD", 1)  # a file after each record
    told = settings(folder, flip=False, cache_batch=1)
    with monkeypatch.context() as context, pytest.raises(KeyboardInterrupt):
        Counted(context, most=7)
        DataSource(told, WANTS, VAE)
    counted = Counted(monkeypatch)
    assert not DataSource(told, WANTS, VAE).batch(range(6)).bad
    assert 0 < counted.count <= 12 - 6


def test_a_damaged_file_is_made_anew(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    folder = write_scenes(tmp_path / "set", 2)
    before = DataSource(settings(folder), WANTS, VAE).batch(range(4))
    (file,) = (tmp_path / "cache/latents").rglob("*.safetensors")
    file.write_bytes(file.read_bytes()[:100])
    with caplog.at_level(logging.WARNING):
        after = DataSource(settings(folder), WANTS, VAE).batch(range(4))
    assert "is damaged" in caplog.text and not after.bad
    assert torch.equal(before["target_mean"], after["target_mean"])


def test_a_full_disk_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import safetensors.numpy

    def full(tensors: object, path: Path) -> None:
        path.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(safetensors.numpy, "save_file", full)
    with pytest.raises(BadData, match="No space left") as raised:
        DataSource(settings(write_scenes(tmp_path / "set", 1)), WANTS, VAE)
    assert "--cache" in raised.value.fix and not list((tmp_path / "cache/latents").rglob("*.part"))


def test_bad_records_are_left_out_and_named(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    scenes = [triplet(number) for number in range(4)]
    scenes[2] = replace(scenes[2], source=b"no photo")
    write_folder(scenes, tmp_path / "set")
    with caplog.at_level(logging.WARNING):
        made = DataSource(settings(tmp_path / "set"), WANTS, VAE)
    assert "scene-002 is left out" in caplog.text
    batch = made.batch(range(4))
    assert batch.bad == ["Record scene-002: it could not be used when latents were made"]
    assert "scene-002" not in batch.names
    with caplog.at_level(logging.INFO):
        caplog.clear()
        DataSource(settings(tmp_path / "set"), WANTS, VAE)
    assert not caplog.text  # it is not tried again


def test_without_a_spread_and_without_a_network(tmp_path: Path) -> None:
    folder = write_scenes(tmp_path / "set", 2)
    batch = DataSource(settings(folder, cache_spread=False), WANTS, VAE).batch([0])
    assert set(batch.tensors) == {"target_mean", "masked_mean", "mask"}
    with pytest.raises(BadOptions, match="Nothing is here to encode"):
        DataSource(settings(folder), WANTS)


def test_buckets(tmp_path: Path) -> None:
    folder = write_scenes(tmp_path / "set", 6, [(96, 64), (64, 64)])
    told = settings(folder, buckets=True, bucket_step=16, batch=2)
    one = DataSource(told, WANTS, VAE)
    other = DataSource(told.model_copy(update={"cache_latents": False}), WANTS)
    for start in (0, 2, 4):
        kept, plain = one.batch(range(start, start + 2)), other.batch(range(start, start + 2))
        assert torch.equal(kept["size"], plain["size"]) and torch.equal(kept["mask"], plain["mask"])
        assert kept["target_mean"].shape[2] * 8 == plain["result"].shape[2]


def _killed(folder: Path) -> None:
    torch.set_num_threads(1)
    plain = Store.add

    def add(self: Store, entries: dict[str, bytes]) -> None:
        plain(self, entries)
        if len(self) > 3:
            (self.folder / ".half.safetensors.1.part").write_bytes(b"half")
            os.utime(self.folder / ".half.safetensors.1.part", (0, 0))
            os.kill(os.getpid(), signal.SIGKILL)

    Store.add = add  # pyright: ignore[reportAttributeAccessIssue]
    caching.SHARD = 1  # pyright: ignore[reportPrivateImportUsage]
    DataSource(settings(folder, flip=False, cache_batch=1), WANTS, make_vae())


def test_a_killed_build_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = write_scenes(tmp_path / "set", 4)
    process = multiprocessing.get_context("fork").Process(target=_killed, args=(folder,))
    process.start()
    process.join(60)
    assert process.exitcode == -signal.SIGKILL
    counted = Counted(monkeypatch)
    made = DataSource(settings(folder, flip=False), WANTS, VAE)
    assert 0 < counted.count < 8 and not made.batch(range(4)).bad
    assert not list((tmp_path / "cache/latents").rglob("*.part"))


def _one_of(rank: int, folder: Path, store: Path, results: Sequence[int]) -> None:
    from torch import distributed

    torch.set_num_threads(1)
    distributed.init_process_group("gloo", f"file://{store}", rank=rank, world_size=2)
    counted = Counted(pytest.MonkeyPatch())
    made = DataSource(settings(folder, flip=False), WANTS, make_vae())
    assert not made.batch(range(5)).bad
    results[rank] = counted.count  # pyright: ignore[reportIndexIssue]
    distributed.destroy_process_group()


def test_two_processes_share_the_work(tmp_path: Path) -> None:
    folder = write_scenes(tmp_path / "set", 5)
    context = multiprocessing.get_context("fork")
    results = context.Array("i", 2)
    processes = [context.Process(target=_one_of, args=(rank, folder, tmp_path / "group", results)) for rank in (0, 1)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(90)
    assert [process.exitcode for process in processes] == [0, 0] and sorted(results[:]) == [4, 6]
