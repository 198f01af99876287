"""Batches: what is in them, and that a sample is the same whoever asks for it."""

from __future__ import annotations

import logging
import pickle
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.utils.data import DataLoader

from rorem.errors import BadData, BadOptions
from rorem.triplet import write_folder, write_shards
from tests.training.data.scenes import mark, photo, png, triplet, write_scenes
from training.data import DataSettings, DataSource
from training.data.labels import Label
from training.stream import _Batches
from training.task import Batch

PICTURES = ("source", "mask", "result")


def source(folder: Path, wants: Iterable[str] = PICTURES, **given: Any) -> DataSource:
    return DataSource(settings(data=str(folder), cache=folder.parent / "cache", **given), wants)


def settings(**given: Any) -> DataSettings:
    return DataSettings.model_validate({"size": 64, **given})


def same(one: Batch, other: Batch) -> bool:
    assert one.tensors.keys() == other.tensors.keys()
    alike = all(torch.equal(one[name], other[name]) for name in one.tensors)
    return alike and (list(one.seeds), list(one.names)) == (list(other.seeds), list(other.names))


def test_what_a_batch_holds(tmp_path: Path) -> None:
    batch = source(write_scenes(tmp_path / "set", 6), ("source", "masked", "mask", "result"), flip=False).batch(
        range(6)
    )
    assert sorted(batch.names) == [f"scene-{number:03}" for number in range(6)] and not batch.bad
    for place, name in enumerate(batch.names):
        number = int(name[-3:])
        for part, blue in (("source", number), ("result", number + 100)):
            told = torch.from_numpy(photo(blue=blue)).permute(2, 0, 1).float() / 127.5 - 1
            torch.testing.assert_close(batch[part][place], told)
        assert (batch["mask"][place, 0] == torch.from_numpy(mark()) / 255).all()
        hole = batch["mask"][place, 0] == 1
        assert (batch["masked"][place, :, hole] == 0).all() and hole.sum() == 256
        assert torch.equal(batch["masked"][place, :, ~hole], batch["source"][place, :, ~hole])
    assert all(tensor.dtype == torch.float32 for tensor in batch.tensors.values())
    assert batch["mask"].shape == (6, 1, 64, 64) and batch["result"].shape == (6, 3, 64, 64)
    assert len(set(batch.seeds)) == 6 and "size" not in batch.tensors


def test_a_sample_is_the_same_in_any_batch_and_order(tmp_path: Path) -> None:
    folder = write_scenes(tmp_path / "set", 7, [(96, 64), (64, 100), (64, 64)])
    given: dict[str, Any] = {"mask_change": 0.7, "zoom": 1.3}
    whole = source(folder, **given).batch(range(40))
    again = source(folder, **given)
    for start in (36, 12, 0):
        part = again.batch(range(start, start + 4))
        cut = {name: tensor[start : start + 4] for name, tensor in whole.tensors.items()}
        assert same(part, Batch(cut, whole.seeds[start : start + 4], whole.names[start : start + 4]))
    assert not torch.equal(whole["mask"], source(folder, seed=1, **given).batch(range(40))["mask"])


def test_samples_of_one_record_differ_and_their_pictures_agree(tmp_path: Path) -> None:
    folder = write_scenes(tmp_path / "set", 1, [(120, 64)])
    batch = source(folder, zoom=1.2).batch(range(30))
    told = {batch["source"][place, :2].numpy().tobytes() for place in range(30)}
    assert len(told) > 15
    torch.testing.assert_close(batch["source"][:, :2], batch["result"][:, :2])  # they differ in blue alone
    rising = batch["source"][:, 0, 0].diff(dim=1).mean(1) > 0
    assert 5 < int(rising.sum()) < 25  # about half are mirrored


def test_workers_read_the_same(tmp_path: Path) -> None:
    folder = write_scenes(tmp_path / "set", 5)
    made = source(folder)
    loader = DataLoader(_Batches(made, 2), batch_size=None, sampler=range(6), num_workers=2)
    for number, batch in enumerate(loader):
        assert same(batch, made.batch(range(2 * number, 2 * number + 2)))
    assert same(pickle.loads(pickle.dumps(made)).batch([3]), made.batch([3]))


def test_shards_give_what_a_folder_gives(tmp_path: Path) -> None:
    scenes = [triplet(number) for number in range(6)]
    write_folder(scenes, tmp_path / "set")
    write_shards(scenes, tmp_path / "shards")
    one, other = source(tmp_path / "set", flip=False), source(tmp_path / "shards", flip=False)
    assert other.sets.in_turn and not one.sets.in_turn
    told = [
        dict(zip(batch.names, batch["result"], strict=True)) for batch in (one.batch(range(6)), other.batch(range(6)))
    ]
    assert told[0].keys() == told[1].keys() and all(torch.equal(told[0][name], told[1][name]) for name in told[0])


def test_several_sets(tmp_path: Path) -> None:
    write_scenes(tmp_path / "a", 3)
    write_shards([triplet(number) for number in range(10, 14)], tmp_path / "b")
    both = DataSource(settings(data=(str(tmp_path / "a"), str(tmp_path / "b"))), ("mask",))
    assert len(both) == 7 and "a (3), b (4)" in both.about["data"]
    assert sorted(both.batch(range(7)).names) == [
        *(f"a/scene-{number:03}" for number in range(3)),
        *(f"b/scene-{number:03}" for number in range(10, 14)),
    ]
    assert set(both.batch(range(7)).tensors) == {"mask"}
    again = pickle.loads(pickle.dumps(both))  # as for a worker that shares no memory
    assert same(again.batch(range(7)), both.batch(range(7)))


def test_a_set_may_come_more_often(tmp_path: Path) -> None:
    write_scenes(tmp_path / "a", 3)
    write_scenes(tmp_path / "b", 2)
    data = (str(tmp_path / "a"), str(tmp_path / "b"))
    made = DataSource(settings(data=data, times=(1, 3)), ("mask",))
    names = list(made.batch(range(9)).names)
    assert len(made) == 9 and sorted(names.count(name) for name in set(names)) == [1, 1, 1, 3, 3]


def test_bad_records_are_named_and_replaced(tmp_path: Path) -> None:
    scenes = [triplet(number) for number in range(8)]
    scenes[1] = replace(scenes[1], mask=png(mark() * 0))
    scenes[3] = replace(scenes[3], source=scenes[3].source[:100])
    scenes[5] = replace(scenes[5], result=None)
    scenes[6] = replace(scenes[6], result=png(photo(128, 64)))
    write_folder(scenes, tmp_path / "set")
    made = source(tmp_path / "set")
    batch = made.batch(range(8))
    assert set(batch.names) <= {f"scene-{number:03}" for number in (0, 2, 4, 7)} and len(batch) == 8
    assert {sentence.split(":")[0] for sentence in batch.bad} == {
        f"Record scene-{number:03}" for number in (1, 3, 5, 6)
    }
    told = "\n".join(batch.bad)
    assert (
        "marks nothing" in told and "damaged" in told and "neither a truth nor a result" in told and "128 x 64" in told
    )
    assert "\n" not in batch.bad[0] and same(batch, made.batch(range(8)))
    (alone,) = [draw for draw in range(8) if made._order.at(draw) == 1]
    single = made.batch([alone])
    assert single.names[0] == batch.names[alone] and "scene-001" in single.bad[0]


def test_a_set_of_which_nothing_can_be_used(tmp_path: Path) -> None:
    write_folder([triplet(number, mask=png(mark() * 0)) for number in range(3)], tmp_path / "set")
    with pytest.raises(BadData, match=r"in a row cannot be used.*marks nothing"):
        source(tmp_path / "set").batch([0])
    with pytest.raises(BadOptions, match="no set to train on"):
        DataSource(settings(), PICTURES)


def test_the_truth_is_the_target_but_not_what_was_judged(tmp_path: Path) -> None:
    write_folder([triplet(0, truth=png(photo(blue=200)), p_yes=0.25)], tmp_path / "set")
    blue = source(tmp_path / "set").batch([0])["result"][0, 2, 0, 0]
    assert blue == pytest.approx(200 / 127.5 - 1)
    judged = source(tmp_path / "set", (*PICTURES, "score", "weight")).batch([0])
    assert judged["result"][0, 2, 0, 0] == pytest.approx(100 / 127.5 - 1)
    assert judged["score"].tolist() == [0.25] and judged["weight"].tolist() == [1.0]


def test_labels_of_ones_own(tmp_path: Path) -> None:
    folder = write_scenes(tmp_path / "set", 4)
    told = settings(data=str(folder))
    with pytest.raises(BadData, match="nobody has said"):
        DataSource(told, ("score",)).batch([0])
    labels = {triplet(number).id: Label(number / 4, number) for number in (1, 2)}
    made = DataSource(told, ("score", "weight"), records=[1, 2], label=lambda one: labels.get(one.id))
    batch = made.batch(range(2))
    assert len(made) == 2 and sorted(zip(batch["score"].tolist(), batch["weight"].tolist(), strict=True)) == [
        (0.25, 1.0),
        (0.5, 2.0),
    ]


def test_buckets_hold_one_shape_a_batch(tmp_path: Path) -> None:
    folder = write_scenes(tmp_path / "set", 12, [(64, 64), (96, 64), (64, 120)])
    made = source(folder, buckets=True, bucket_step=16, batch=2, flip=False)
    found = {}
    for start in range(0, 60, 2):
        batch = made.batch(range(start, start + 2))
        found.setdefault(tuple(batch["mask"].shape[2:]), []).extend(batch.names)
        for place in range(2):
            high, wide, top, left, *shape = batch["size"][place].tolist()
            assert tuple(shape) == tuple(batch["source"].shape[2:])
            assert {"000": (64, 64), "001": (64, 96), "002": (120, 64)}[f"{int(batch.names[place][-3:]) % 3:03}"] == (
                high,
                wide,
            )
            assert top >= 0 and left >= 0
    assert len(found) == 3 and sum(map(len, found.values())) == 60
    with torch.no_grad():
        assert same(source(folder, buckets=True, bucket_step=16, batch=2, flip=False).batch([17]), made.batch([17]))


def test_records_that_cannot_be_read_are_no_part_of_a_bucket(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    scenes = [triplet(number) for number in range(4)]
    write_folder([*scenes, triplet(4, source=b"no photo")], tmp_path / "set")
    with caplog.at_level(logging.WARNING):
        made = source(tmp_path / "set", buckets=True, bucket_step=16)
    assert len(made) == 4 and "1 records cannot be read" in caplog.text and "scene-004" in caplog.text


def test_variants_are_as_many_as_wanted(tmp_path: Path) -> None:
    folder = write_scenes(tmp_path / "set", 1, [(120, 64)])
    told = [source(folder, variants=2, flip=False, seed=seed).batch(range(20))["source"] for seed in (0, 1)]
    kinds = [{one.numpy().tobytes() for one in tensor} for tensor in told]
    assert len(kinds[0]) == 2 and kinds[0] == kinds[1]  # whatever the run's seed


def test_validation_is_in_order_and_not_augmented(tmp_path: Path) -> None:
    folder = write_scenes(tmp_path / "set", 3, [(96, 64)])
    told = settings(data=str(folder), validation=str(folder), mask_change=1)
    made = DataSource.of_validation(told, PICTURES)
    assert made is not None and len(made) == 3
    batch = made.batch(range(3))
    assert list(batch.names) == ["scene-000", "scene-001", "scene-002"]
    for place in range(3):
        level = torch.from_numpy(photo(96, 64, place)[:, 16:80]).permute(2, 0, 1).float() / 127.5 - 1
        torch.testing.assert_close(batch["source"][place], level)
    assert DataSource.of_validation(settings(data=str(folder)), PICTURES) is None


def test_what_a_card_tells(tmp_path: Path) -> None:
    folder = write_scenes(tmp_path / "set", 2)
    (folder / "manifest.json").write_text("{}")
    told = source(folder).about
    assert told["data"] == "set (2)" and len(told["data fingerprint"]) == 64
    assert told["data manifest (SHA-256)"] == "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"
    with pytest.raises(ValueError, match="no depth"):
        source(folder, ("depth",))


def test_a_set_smaller_than_a_batch(tmp_path: Path) -> None:
    batch = source(write_scenes(tmp_path / "set", 2)).batch(range(5))
    assert len(batch) == 5 and set(batch.names[:2]) == set(batch.names[2:4]) and bool(batch["source"].isfinite().all())
