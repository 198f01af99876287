"""A session keeps lossless pixels on disk; undo leads back to the start, byte for byte."""

from __future__ import annotations

import io
import os
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from rorem import remover
from rorem.errors import BadOptions, BadPicture
from rorem.geometry import Box
from rorem.methods import catalog
from rorem.picture import Limits
from rorem.remover import Removal
from rorem.ui import patch_files
from rorem.ui import session as session_module
from rorem.ui.session import ORIGINAL, Session
from rorem.ui.sessions import MOST_OF_ONE, Gone, Sessions

RANDOM = np.random.default_rng(5)


def photo(mode: str = "RGB", format: str = "PNG", size: tuple[int, int] = (90, 70)) -> bytes:
    noise = RANDOM.integers(0, 256, (size[1], size[0], 4), dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(noise, "RGBA").convert(mode).save(file, format)
    return file.getvalue()


@pytest.fixture
def sessions(tmp_path: Path):
    made = Sessions(tmp_path, Limits(), 3600, 10**9)
    yield made
    made.close()


def removal(session: Session, left: int, seed: int = 0, again: bool = False) -> Removal:
    picture = session.before() if again else session.picture
    mask = np.zeros((picture.height, picture.width), bool)
    mask[20:40, left : left + 12] = True
    method = catalog.load("telea")
    return remover.remove(picture, mask, method, options=catalog.find("telea").parse({}), seed=seed)[0]


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "LA", "P", "1"])
def test_ten_edits_and_ten_undos_are_the_start(sessions: Sessions, mode: str) -> None:
    data = photo(mode)
    session = sessions.open_bytes(data, "a.png")
    start = np.array(session.picture.colour)
    alpha = None if session.picture.alpha is None else np.array(session.picture.alpha)
    states = []
    for index in range(10):
        session.add(removal(session, 5 * index), again=False)
        states.append(np.array(session.picture.colour))
    assert session.encoded(None, mark=True, keep_gps=True)[0] != data
    for _ in range(10):
        session.undo()
    assert (session.picture.colour == start).all()
    assert alpha is None or (session.picture.alpha == alpha).all()
    assert session.encoded(None, mark=True, keep_gps=True) == (data, "a.png")
    for state in states:
        session.redo()
        assert (session.picture.colour == state).all()


def test_candidates_replace_each_other(sessions: Sessions) -> None:
    session = sessions.open_bytes(photo(), "a.png")
    session.add(removal(session, 0), again=False)
    base = np.array(session.picture.colour)
    one = session.add(removal(session, 40), again=False)
    first = np.array(session.picture.colour)
    assert (session.before().colour == base).all()
    two = session.add(removal(session, 60, again=True), again=True)
    assert session.choices == (one, two)
    session.choose(one)
    assert (session.picture.colour == first).all()
    session.choose(99)
    assert session.state == one
    session.undo()
    assert (session.picture.colour == base).all()
    assert session.choices == ()
    session.redo()
    assert (session.picture.colour == first).all()


def test_every_state_can_be_looked_at(sessions: Sessions) -> None:
    session = sessions.open_bytes(photo(), "a.png")
    box = Box(0, 0, 90, 70)
    seen = {ORIGINAL: np.array(session.picture.colour)}
    for index in range(3):
        number = session.add(removal(session, 20 * index), again=False)
        seen[number] = np.array(session.picture.colour)
    for state, colour in seen.items():
        window = session.window(state, box)
        assert window is not None and (window.colour == colour).all()
    assert session.window(77, box) is None


def test_an_untouched_photo_comes_back_as_it_came(sessions: Sessions) -> None:
    data = photo(format="WEBP")
    assert sessions.open_bytes(data, "x.webp").encoded(None, mark=True, keep_gps=True) == (data, "x.webp")


def test_nothing_is_left_behind(tmp_path: Path) -> None:
    sessions = Sessions(tmp_path, Limits(), 3600, 10**9)
    session = sessions.open_bytes(photo(), "a.png")
    session.add(removal(session, 10), again=False)
    with pytest.raises(BadPicture):
        sessions.open_bytes(b"no photo", "b.png")
    assert len(list(session.folder.parent.iterdir())) == 1
    sessions.delete(session.token)
    with pytest.raises(Gone):
        sessions.get(session.token)
    assert not session.folder.exists()
    sessions.close()
    assert not list(tmp_path.iterdir())


def test_idle_photos_and_those_of_a_killed_app_go(tmp_path: Path) -> None:
    orphan = tmp_path / "999999999-abc"
    orphan.mkdir()
    (orphan / "photo").write_bytes(b"x")
    sessions = Sessions(tmp_path, Limits(), 60, 10**9)
    assert not orphan.exists()
    old = sessions.open_bytes(photo(), "a.png")
    busy = sessions.open_bytes(photo(), "b.png")
    busy.busy = True
    old.used -= 100
    busy.used -= 100
    sessions.sweep()
    assert not old.folder.exists()
    assert busy.folder.exists()
    sessions.close()


def test_the_oldest_go_when_the_disk_share_is_used_up(tmp_path: Path) -> None:
    sessions = Sessions(tmp_path, Limits(), 3600, 60_000)
    opened = [sessions.open_bytes(photo(), f"{index}.png") for index in range(4)]
    assert not opened[0].folder.exists()
    assert opened[-1].folder.exists()
    sessions.close()


@pytest.mark.parametrize("name", ["../../etc/passwd", "a\x00b.png", "C:\\photos\\x.png", "", "x" * 500])
def test_names_are_only_names(sessions: Sessions, name: str) -> None:
    session = sessions.open_bytes(photo(), name)
    assert session.name and "/" not in session.name and "\\" not in session.name and len(session.name) <= 120
    assert session.encoded(None, mark=True, keep_gps=True)[1].endswith(".png")


def test_one_address_cannot_push_others_out(sessions: Sessions) -> None:
    other = sessions.open_bytes(photo(), "mine.png", "10.0.0.1")
    greedy = [sessions.open_bytes(photo(size=(8, 8)), f"{index}.png", "10.0.0.2") for index in range(MOST_OF_ONE + 3)]
    assert other.folder.exists()
    assert [one.folder.exists() for one in greedy] == [False] * 3 + [True] * MOST_OF_ONE


def everything(session: Session) -> tuple[object, ...]:
    """What must stay as it was when nothing was done, the files too."""
    picture = session.picture
    alpha = None if picture.alpha is None else picture.alpha.tobytes()
    files = sorted(file.name for file in session.folder.iterdir())
    shown = (session.state, session.undoable, session.redoable, session.choices, session.version(session.state))
    return (picture.colour.tobytes(), alpha, files, *shown)


@pytest.mark.parametrize("fails_at", [1, 2, 3, 4])
@pytest.mark.parametrize("again", [False, True])
@pytest.mark.parametrize("undone", [False, True])
def test_a_full_disk_changes_nothing(
    sessions: Sessions, monkeypatch: pytest.MonkeyPatch, fails_at: int, again: bool, undone: bool
) -> None:
    session = sessions.open_bytes(photo("RGBA"), "a.png")
    session.add(removal(session, 0), again=False)
    session.commit([removal(session, 20), removal(session, 30)], False, threading.Event())
    if undone:
        session.add(removal(session, 50), again=False)
        session.undo()
    made = [removal(session, left, again=again and not undone) for left in (40, 60)]
    before = everything(session)
    real, calls = np.savez, []

    def full(file: Path, *args: object, **arrays: object) -> None:
        calls.append(file)
        if len(calls) == fails_at:
            Path(file).write_bytes(b"half of it")
            raise OSError(28, "No space left on device")
        real(file, *args, **arrays)  # type: ignore[arg-type]

    monkeypatch.setattr(patch_files.np, "savez", full)
    with pytest.raises(OSError, match="No space"):
        session.commit(made, again, threading.Event())
    assert everything(session) == before
    session.undo()  # writes nothing, so it works on a full disk
    session.redo()
    assert everything(session) == before
    monkeypatch.undo()
    assert session.commit(made, again, threading.Event())
    session.undo()
    assert (session.picture.colour == made[0].before.colour).all()


def test_a_removal_is_committed_or_stopped_never_both(sessions: Sessions) -> None:
    session = sessions.open_bytes(photo(), "a.png")
    made = [removal(session, 0), removal(session, 20)]
    cancel = session.begin()
    assert cancel is not None and session.begin() is None
    session.request_stop()
    before = everything(session)
    assert not session.commit(made, False, cancel)
    assert everything(session) == before
    session.end(cancel)
    cancel = session.begin()
    assert cancel is not None
    assert session.commit(made, False, cancel)
    session.request_stop()  # too late: the visitor is told that it is done
    assert not cancel.is_set()
    assert session.choices == (1, 2) and session.state == 1


def test_only_what_changed_is_kept_and_only_as_long_as_it_can_be_shown(sessions: Sessions) -> None:
    session = sessions.open_bytes(photo(size=(900, 700)), "a.png")
    first = [removal(session, 0), removal(session, 300)]
    assert session.commit(first, False, threading.Event())
    kept = patch_files.read(session.folder / "1-after.npz")
    assert sum(one.colour.size for one in kept) < sum(one.colour.size for one in first[0].patches) / 4
    assert (session.picture.colour == first[0].picture.colour).all()
    session.add(removal(session, 600), again=False)
    names = {file.name for file in session.folder.glob("*.npz")}
    assert names == {"1-after.npz", "1-before.npz", "3-after.npz", "3-before.npz"}
    assert session.window(2, Box(0, 0, 9, 9)) is None


def test_candidates_that_were_undone_go_with_the_next_removal(sessions: Sessions) -> None:
    session = sessions.open_bytes(photo(), "a.png")
    session.commit([removal(session, 0), removal(session, 20)], False, threading.Event())
    session.undo()
    session.add(removal(session, 40), again=False)
    assert {file.name for file in session.folder.glob("*.npz")} == {"3-after.npz", "3-before.npz"}
    assert not session.redoable


def test_overlapping_windows_are_undone_exactly(sessions: Sessions) -> None:
    session = sessions.open_bytes(photo(size=(900, 400)), "a.png")
    start = session.picture.colour.tobytes()
    mask = np.zeros((400, 900), bool)
    mask[10:30, 10:30] = mask[300:310, 850:860] = mask[200:260, 400:430] = True
    made = remover.remove(
        session.picture, mask, catalog.load("telea"), options=catalog.find("telea").parse({}), grow=60
    )[0]
    session.add(made, again=False)
    assert (session.picture.colour == made.picture.colour).all()
    session.undo()
    assert session.picture.colour.tobytes() == start


def test_a_file_is_encoded_once_and_without_the_lock(sessions: Sessions, monkeypatch: pytest.MonkeyPatch) -> None:
    session = sessions.open_bytes(photo(), "a.png")
    session.add(removal(session, 0), again=False)
    real, calls = session_module.encode, []

    def encode(*args: object, **options: object) -> bytes:
        other = threading.Thread(target=session.request_stop)  # takes the lock
        other.start()
        other.join(10)
        assert not other.is_alive()
        calls.append(1)
        return real(*args, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(session_module, "encode", encode)

    def encoded(mark: bool) -> bytes:
        return session.encoded(None, mark=mark, keep_gps=True)[0]

    data = encoded(True)
    assert encoded(True) == data and len(calls) == 1
    assert encoded(False) != data and len(calls) == 2
    assert len(list(session.folder.glob("file-*"))) == 1


def test_who_holds_most_goes_first(tmp_path: Path) -> None:
    sessions = Sessions(tmp_path, Limits(), 3600, 10**9)
    small = [sessions.open_bytes(photo(size=(20, 20)), f"{index}.png", f"10.0.0.{index}") for index in range(5)]
    sessions._max_disk = 600_000
    huge = [sessions.open_bytes(photo(size=(200, 200)), "huge.png", "10.1.1.1") for _ in range(8)]
    assert all(one.folder.exists() for one in small)
    assert huge[-1].folder.exists() and not huge[0].folder.exists()
    sessions.close()


def test_a_photo_that_came_to_use_meanwhile_stays(sessions: Sessions) -> None:
    session = sessions.open_bytes(photo(), "a.png")
    seen = time.monotonic()
    sessions.get(session.token)
    assert not sessions._delete_idle(session, seen)
    session.busy = True
    assert not sessions._delete_idle(session, time.monotonic())
    session.busy = False
    assert sessions._delete_idle(session, time.monotonic()) and not session.folder.exists()


def test_what_an_earlier_process_of_the_same_number_left_goes(tmp_path: Path) -> None:
    left = tmp_path / f"{os.getpid()}-left"
    left.mkdir()
    one = Sessions(tmp_path, Limits(), 3600, 10**9)
    session = one.open_bytes(photo(), "a.png")
    other = Sessions(tmp_path, Limits(), 3600, 10**9)
    assert not left.exists() and session.folder.exists()
    one.close()
    other.close()
    assert not list(tmp_path.iterdir())


def test_a_folder_that_cannot_be_used_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(BadOptions) as caught:
        Sessions(tmp_path / "file" / "data", Limits(), 3600, 10**9)
    assert "data" in str(caught.value) and "\n" not in caught.value.advice


def test_files_of_programs_go_after_a_while(sessions: Sessions) -> None:
    sessions.exchange.mkdir()
    for name, age in (("old", 4000), ("new", 0)):
        (sessions.exchange / name).write_bytes(b"x")
        os.utime(sessions.exchange / name, (time.time() - age, time.time() - age))
    sessions.sweep()
    assert [file.name for file in sessions.exchange.iterdir()] == ["new"]
