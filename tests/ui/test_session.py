"""A session keeps lossless pixels on disk; undo leads back to the start, byte for byte."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from rorem import remover
from rorem.errors import BadPicture
from rorem.geometry import Box
from rorem.methods import catalog
from rorem.picture import Limits
from rorem.remover import Removal
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
