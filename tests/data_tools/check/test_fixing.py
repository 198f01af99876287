"""What can be mended is, into a new folder; the set itself keeps every byte."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from typer.testing import CliRunner

from data_tools.check import Fixed, Problem, Rules, check, fix
from data_tools.check.__main__ import app
from data_tools.check.fixing import mend
from rorem.errors import BadData, BadOptions
from rorem.triplet import Triplet, open_set
from tests.data_tools.check.made import candidate, hole, photo, records, relist, removal, sound, write
from tests.ui.compared import png


def fixed(folder: Path, out: Path, **settings) -> Fixed:
    return fix(check(str(folder)), out, **settings)


def content(folder: Path) -> dict[str, bytes]:
    return {file.relative_to(folder).as_posix(): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def read(folder: Path) -> dict[str, Triplet]:
    return {one.name: one for one in open_set(str(folder)) if isinstance(one, Triplet)}


def pixels(data: bytes | None) -> np.ndarray:
    import io

    assert data is not None
    with Image.open(io.BytesIO(data)) as opened:
        return np.asarray(opened)


def spoilt(folder: Path) -> Path:
    """Ten records with most of what can be wrong."""
    grey = hole().copy()
    grey[16:32, 36] = 100
    drifted = removal(2, hole())
    drifted[:8] //= 2
    write(
        folder,
        sound(0),
        replace(sound(1), mask=png(grey)),
        replace(sound(2), result=png(drifted), p_yes=0.5),
        replace(sound(3), extra={"note": "kept"}),
        replace(sound(4), truth=b"no picture"),
        replace(sound(5), mask=png(np.zeros_like(hole()))),
        replace(sound(6), result=sound(6).source[:200]),
        replace(sound(0), name="again"),
        sound(8),
        candidate(9),
    )
    listed = records(folder)
    listed[3]["sha256_source"] = listed[3]["id"] = "0" * 64
    listed[8]["source"] = "../secret.png"
    relist(folder, listed)
    return folder


def test_what_can_be_mended_is_and_the_rest_is_left_out(tmp_path: Path) -> None:
    folder, out = spoilt(tmp_path / "set"), tmp_path / "out"
    before = content(folder)
    told = fixed(folder, out)
    assert content(folder) == before
    assert told.mended.counts == {
        "mask not binary": 1,
        "changed outside the mask": 1,
        "wrong hash": 1,
        "damaged picture": 1,
    }
    assert told.left_out.counts == {"mask empty": 1, "damaged picture": 1, "duplicate": 1, "outside the folder": 1}
    assert told.kept == 6 and told.lost == 3
    assert not check(str(out)).counts
    after = read(out)
    assert set(after) == {f"photo {number}" for number in (0, 1, 2, 3, 4, 9)}
    assert after["photo 0"].hashes == sound(0).hashes and not after["photo 0"].extra
    assert (pixels(after["photo 1"].mask) == hole()).all()
    assert after["photo 4"].truth is None and after["photo 4"].result == sound(4).result
    assert after["photo 3"].extra == {"note": "kept", "mended": ["wrong hash"]}


def test_a_result_keeps_its_own_pixels_in_the_mask_only(tmp_path: Path) -> None:
    drifted = np.maximum(removal(2, hole()), 12) - np.uint8(12)
    triplet = replace(sound(2), result=png(drifted), p_yes=0.5)
    rules = Rules(grow=0.05)
    done = mend(triplet, rules)
    assert not isinstance(done, Problem)
    mended, kinds = done
    assert kinds == ["changed outside the mask"] and mended.p_yes == 0.5
    assert mended.extra == {"mended": kinds, "mended_from": triplet.id} and mended.id != triplet.id
    may = np.zeros(hole().shape, bool)
    may[13:35, 17:39] = True
    result = pixels(mended.result)
    assert (result[may] == drifted[may]).all() and (result[~may] == photo(2)[~may]).all()


def test_records_that_become_alike_are_kept_once(tmp_path: Path) -> None:
    folder = write(tmp_path / "set", candidate(0), replace(candidate(0), name="grey", mask=png(hole() // 255)))
    told = fixed(folder, tmp_path / "out")
    masks = {pixels(one.mask).tobytes() for one in read(tmp_path / "out").values()}
    assert len(masks) == told.kept and told.left_out.counts["duplicate"] == 2 - told.kept
    folder = write(tmp_path / "both", *(replace(candidate(0), name=f"{n}", mask=png(hole() // n)) for n in (2, 255)))
    assert fixed(folder, tmp_path / "one").left_out.counts == {"duplicate": 1}


def test_of_records_alike_the_sound_one_is_kept(tmp_path: Path) -> None:
    bad = replace(sound(0), truth=b"no picture")
    folder = write(tmp_path / "set", bad, replace(sound(0), name="again"), replace(bad, name="once more"))
    told = fixed(folder, tmp_path / "out")
    (kept,) = read(tmp_path / "out").values()
    assert kept.name == "again" and kept.truth == sound(0).truth and not kept.extra
    assert told.left_out.counts == {"duplicate": 2} and told.lost == 0 and not told.mended.total


def test_of_records_that_become_alike_the_sound_one_is_kept(tmp_path: Path) -> None:
    whole = replace(candidate(0), mask=png(hole() // 2))
    folder = write(tmp_path / "set", whole)
    fixed(folder, tmp_path / "out")
    mended = read(tmp_path / "out")["photo 0"]
    both = write(tmp_path / "both", whole, replace(candidate(0), name="sound", mask=mended.mask))
    told = fixed(both, tmp_path / "one")
    (kept,) = read(tmp_path / "one").values()
    assert kept.name == "sound" and not kept.extra and told.left_out.counts == {"duplicate": 1}


def test_names_said_twice_and_odd_ones_become_unlike(tmp_path: Path) -> None:
    folder = write(tmp_path / "set", sound(0, "a\nb"), sound(1, "a_b"), sound(2, "c"))
    listed = records(folder)
    listed[2]["name"] = "a_b"
    relist(folder, listed)
    assert fixed(folder, tmp_path / "out").kept == 3
    ids = {one.id for one in read(tmp_path / "out").values()}
    assert ids == {sound(number).id for number in range(3)}
    assert not check(str(tmp_path / "out")).counts


def test_the_same_call_goes_on(tmp_path: Path) -> None:
    folder, out = spoilt(tmp_path / "set"), tmp_path / "out"

    def stop(done: int, total: int) -> None:
        if done == 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fixed(folder, out, on_step=stop)
    assert not (out / "meta.json").exists()
    told, whole = fixed(folder, out), fixed(folder, tmp_path / "whole")
    assert (told.kept, told.mended.counts, told.left_out.counts) == (6, whole.mended.counts, whole.left_out.counts)
    assert content(out) == content(tmp_path / "whole")
    with pytest.raises(BadData, match="other settings"):
        fixed(folder, out, rules=Rules(tolerance=9))


def test_never_in_place_and_never_over_another_set(tmp_path: Path) -> None:
    folder = spoilt(tmp_path / "set")
    before = content(folder)
    for out in (folder, folder / "inside", tmp_path / "link"):
        if out.name == "link":
            out.symlink_to(folder)
        with pytest.raises(BadOptions):
            fixed(folder, out)
    other = write(tmp_path / "other", sound(0))
    with pytest.raises(BadData):
        fixed(folder, other)
    assert content(folder) == before and read(other)["photo 0"].id == sound(0).id


def test_nothing_that_can_be_mended(tmp_path: Path) -> None:
    folder = write(tmp_path / "set", replace(sound(0), mask=png(np.zeros_like(hole()))))
    with pytest.raises(BadData, match="No record"):
        fixed(folder, tmp_path / "out")
    assert not (tmp_path / "out" / "meta.json").exists()


def test_the_command_says_what_it_did(tmp_path: Path) -> None:
    folder = spoilt(tmp_path / "set")
    result = CliRunner().invoke(app, [str(folder), "--fix", str(tmp_path / "out")])
    assert result.exit_code == 1 and "6 records are in" in result.output and "again" in result.output
    result = CliRunner().invoke(app, [str(folder), "--fix", str(tmp_path / "out"), "--json"])
    assert json.loads(result.stdout.splitlines()[-1])["summary"]["kept"] == 6
    mendable = write(tmp_path / "mendable", replace(sound(0), mask=png(hole() // 2)), sound(1))
    assert CliRunner().invoke(app, [str(mendable), "--fix", str(tmp_path / "good")]).exit_code == 0


def test_another_picture_is_not_made_a_truth_of_this_one() -> None:
    turned = png(np.ascontiguousarray(photo(0)[::-1, ::-1]))
    done = mend(replace(sound(0), truth=turned))
    assert not isinstance(done, Problem) and done[0].truth is None and done[0].result == sound(0).result
    assert isinstance(mend(replace(sound(0), result=turned, truth=None)), Problem)


levels = st.lists(st.integers(0, 255), min_size=4, max_size=4)


@settings(max_examples=40)
@given(levels, st.integers(0, 255), st.sampled_from([None, b"", b"x", png(hole()[:, 1:]), png(hole())]), st.booleans())
def test_whatever_is_mended_keeps_every_rule(
    greys: list[int], outside: int, effect: bytes | None, hashed: bool
) -> None:
    mask = np.zeros_like(hole())
    mask[16:32, 20:36] = np.resize(np.array(greys, np.uint8), (16, 16))
    result = removal(0, mask)
    result[:2] = outside
    extra = {"sha256_mask": "0" * 64} if hashed else {}
    triplet = replace(sound(0), mask=png(mask), result=png(result), truth=None, effect=effect, extra=extra)
    from data_tools.check import look

    done = mend(triplet)
    if isinstance(done, Problem):
        assert done.kind in ("mask empty", "mask full", "mask not binary")
        return
    assert look(done[0]) == [] and bool(done[1]) == bool(look(triplet))
