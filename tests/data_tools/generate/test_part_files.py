"""The files of a part: there whole or not at all, and none is spoilt by a record that does not fit."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from hypothesis import given, settings

from data_tools.fitting import check_fits
from data_tools.generate.part_files import commit, file_of
from data_tools.parts import Part
from rorem.errors import BadData
from rorem.triplet import Triplet, open_set
from tests.triplet.samples import good, odd_triplets, same

PART = Part(3, 9, (0,))


@given(odd_triplets)
@settings(max_examples=20, deadline=None)
def test_what_passes_the_check_is_written_and_comes_back(some: list[Triplet]) -> None:
    fitting = []
    for one in some:
        try:
            check_fits(one)
            fitting.append(one)
        except BadData as error:
            assert "\n" not in str(error)
    with tempfile.TemporaryDirectory() as out:
        size, digest = commit(Path(out), PART, iter(fitting))
        assert bool(size) == bool(digest) == bool(fitting)
        if fitting:
            assert all(map(same, good(open_set(out)), fitting))
            assert commit(Path(out), PART, iter(fitting)) == (size, digest)
        assert not any((Path(out) / ".working").glob("*"))


def test_a_part_that_comes_to_nothing_takes_its_old_file_away(tmp_path: Path) -> None:
    file = file_of(tmp_path, PART)
    file.parent.mkdir()
    file.write_bytes(b"old")
    assert commit(tmp_path, PART, iter(())) == (0, "") and not file.exists()


def test_what_goes_wrong_while_writing_leaves_the_old_file(tmp_path: Path) -> None:
    triplet = Triplet("a", b"photo", b"mask")
    commit(tmp_path, PART, iter([triplet]))
    before = file_of(tmp_path, PART).read_bytes()
    try:
        commit(tmp_path, PART, iter([triplet, triplet]))  # two of one name
        raise AssertionError
    except BadData:
        assert file_of(tmp_path, PART).read_bytes() == before
    shutil.rmtree(tmp_path / ".working")
