"""A comparison without a browser: who runs when, what is kept, what is told, and what stays secret."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rorem.geometry import Box
from rorem.methods import catalog
from rorem.metrics import networks
from rorem.picture import Limits, open_picture
from rorem.ui import compare_results as results
from rorem.ui import compare_run
from rorem.ui.comparing import begin
from rorem.ui.line import Line
from rorem.ui.remove_tab import Wish, removal
from rorem.ui.session import AT_WORK, Session
from rorem.ui.sessions import Sessions
from tests.ui.compared import REFUSED, Paint, PaintAsPublished, ended, mask, methods, noise, png, press


@pytest.fixture
def sessions(tmp_path: Path) -> Iterator[Sessions]:
    made = Sessions(tmp_path, Limits(), 3600, 10**9)
    yield made
    made.close()


@pytest.fixture
def session(sessions: Sessions) -> Session:
    return sessions.open_bytes(png(noise()), "a photo.png")


@pytest.fixture
def line() -> Line:
    return Line(places=1, per_visitor=2, longest=4)


def use(monkeypatch: pytest.MonkeyPatch, **removers: Any) -> None:
    monkeypatch.setattr(catalog, "prepare", methods(**removers))
    monkeypatch.setattr("rorem.remover.road.match_tone", lambda filled, *_: filled)  # levels stay


def run(sessions: Sessions, line: Line, sent: dict[str, Any]) -> dict[str, Any]:
    """Starts a comparison, waits for its end, and gives what the browser is told then."""
    started = begin(sessions, line, sent, "visitor")
    assert started == {"press": 1, "error": "", "gone": False}
    return ended(sessions.get(sent["token"]).board).told()


def test_each_method_has_its_cell_and_a_failure_costs_only_itself(
    sessions: Sessions, session: Session, line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(monkeypatch, patchmatch=Paint(50), telea=Paint(error=REFUSED), lama=Paint(error=ValueError("odd")))
    told = run(sessions, line, press(session, "lama", "telea", "patchmatch", seed=3))
    assert [cell["phase"] for cell in told["cells"]] == ["failed", "failed", "done"]
    assert told["cells"][1]["text"] == "The weights of LaMa are damaged. Fetch them again."
    assert "odd" in told["cells"][0]["text"]
    good = told["cells"][2]
    assert (good["method"], good["calls"], good["working"]) == ("patchmatch", 50, [[80, 60]])
    assert good["seconds"] >= 0 and good["why_not"] == "" and told["text"] == "Done: 1 result. 2 failed."
    assert not session.busy and not told["running"] and told["seed"] == 3
    json.dumps(told, allow_nan=False)


def test_pixels_lie_on_disk_and_come_back_exactly(
    sessions: Sessions, session: Session, line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(monkeypatch, patchmatch=Paint(50), telea=Paint(200))
    run(sessions, line, press(session, "patchmatch", "telea"))
    board = ended(session.board)
    cell = board.result(0)
    assert cell is not None and cell.removal is not None and cell.removal.patches == ()
    assert sum(window.hole.size for window in cell.removal.windows) == 0
    data, name = results.stored(session, board, 0)
    assert name == "a photo-patchmatch.png"
    after = open_picture(data).colour
    assert (after[mask()] == 50).all()
    changed = (after != noise()).any(axis=2)
    assert changed[mask()].all() and not changed[:10].any() and not changed[:, 50:].any()


def test_a_new_comparison_takes_the_place_of_the_old(
    sessions: Sessions, session: Session, line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(monkeypatch, patchmatch=Paint(50), telea=Paint(200))
    first = run(sessions, line, press(session, "patchmatch", "telea"))["id"]
    second = run(sessions, line, press(session, "telea"))["id"]
    files = [file.name for file in session.folder.glob("compare-*")]
    assert files and all(second in name for name in files) and first != second


def test_a_stop_keeps_what_is_finished(
    sessions: Sessions, session: Session, line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = Paint(9, go_on=threading.Event())
    use(monkeypatch, patchmatch=slow, telea=Paint(200))
    monkeypatch.setattr("rorem.comparison.running.order", lambda ids: ("telea", "patchmatch"))
    begin(sessions, line, press(session, "patchmatch", "telea"), "visitor")
    assert slow.begun.wait(20)
    session.request_stop()
    told = ended(session.board).told()
    assert [cell["phase"] for cell in told["cells"]] == ["stopped", "done"] and told["text"].startswith("Stopped")
    assert not session.busy
    slow.go_on.set()  # type: ignore[union-attr]
    assert line.emptied(10)
    assert ended(session.board).told()["cells"][0]["phase"] == "stopped"


def test_the_first_result_does_not_wait_for_the_others(
    sessions: Sessions, session: Session, line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = Paint(9, go_on=threading.Event())
    use(monkeypatch, patchmatch=slow, telea=Paint(200))
    monkeypatch.setattr("rorem.comparison.running.order", lambda ids: ("telea", "patchmatch"))
    begin(sessions, line, press(session, "patchmatch", "telea"), "visitor")
    assert slow.begun.wait(20)
    board = session.board
    assert board is not None
    told = board.told()
    assert told["running"] and [cell["phase"] for cell in told["cells"]][1] == "done"
    assert board.result(1) is not None and board.result(0) is None
    slow.go_on.set()  # type: ignore[union-attr]
    ended(board)


def test_others_are_served_between_two_methods(sessions: Sessions, line: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    one, other = (sessions.open_bytes(png(noise(seed)), "a.png") for seed in (1, 2))
    slow = Paint(9, go_on=threading.Event())
    use(monkeypatch, patchmatch=slow, telea=Paint(200), lama=Paint(30))
    monkeypatch.setattr("rorem.comparison.running.order", lambda ids: tuple(ids))
    begin(sessions, line, press(one, "patchmatch", "telea", "lama"), "first")
    assert slow.begun.wait(20)
    waiting: list[str] = []

    def remove() -> None:
        waiting.extend(told["phase"] for told in removal(sessions, line, press(other), Wish("telea", {}), "second"))

    thread = threading.Thread(target=remove)
    thread.start()
    time.sleep(0.5)
    slow.go_on.set()  # type: ignore[union-attr]
    thread.join(20)
    assert "waiting" in waiting and waiting[-1] == "done"
    told = ended(one.board).told()
    assert [cell["phase"] for cell in told["cells"]] == ["done"] * 3


def test_two_visitors_never_see_each_other(sessions: Sessions, monkeypatch: pytest.MonkeyPatch) -> None:
    line = Line(places=2, per_visitor=2, longest=4)
    use(monkeypatch, patchmatch=Paint(50), telea=Paint(200))
    photos = [sessions.open_bytes(png(noise(seed)), "a.png") for seed in (1, 2)]
    for index, photo in enumerate(photos):
        assert not begin(sessions, line, press(photo, "patchmatch", "telea", seed=index), f"{index}")["error"]
    boards = [ended(photo.board) for photo in photos]
    assert [board.request.seed for board in boards] == [0, 1]
    assert boards[0].folder != boards[1].folder
    for index, (photo, board) in enumerate(zip(photos, boards, strict=True)):
        after = open_picture(results.stored(photo, board, 0)[0]).colour
        assert (after[:10] == noise(index + 1)[:10]).all()


def secrets_in(told: object) -> list[str]:
    text = json.dumps(told)
    leaks = ("patchmatch", "telea", "lama", "LaMa", "Quick", "Smooth", "seconds", "memory", "calls", "metrics", "notes")
    return [word for word in leaks if word in text]


def test_hidden_names_do_not_leak(
    sessions: Sessions, session: Session, line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = Paint(9, go_on=threading.Event())
    use(monkeypatch, patchmatch=slow, telea=Paint(200), lama=Paint(error=REFUSED))
    monkeypatch.setattr("rorem.comparison.running.order", lambda ids: ("lama", "telea", "patchmatch"))
    begin(sessions, line, press(session, "patchmatch", "telea", "lama", blind=True), "visitor")
    assert slow.begun.wait(20)
    board = session.board
    assert board is not None
    while sum(slot.cell is not None for slot in board.slots) < 2:
        time.sleep(0.02)
    told = board.told()
    assert secrets_in(told) == [] and {cell["phase"] for cell in told["cells"]} == {"waiting"}
    assert [cell["title"] for cell in told["cells"]] == ["A", "B", "C"]
    assert all(board.result(index) is None for index in range(3))  # the first would be the quickest
    slow.go_on.set()  # type: ignore[union-attr]
    told = ended(board).told()
    assert secrets_in(told) == [] and sorted(cell["phase"] for cell in told["cells"]) == ["done", "done", "failed"]
    good = next(index for index in range(3) if board.result(index))
    data, name = results.stored(session, board, good)
    assert name == f"a photo-{'ABC'[good]}.png"
    assert not any(word in data for word in (b"patchmatch", b"telea", b"lama"))
    board.revealed = True
    told = board.told()
    assert {cell["method"] for cell in told["cells"]} == {"patchmatch", "telea", "lama"}
    assert all(cell["letter"] == cell["title"] or cell["letter"] in "ABC" for cell in told["cells"])


def test_the_order_of_hidden_names_is_drawn_anew(
    sessions: Sessions, session: Session, line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(monkeypatch, patchmatch=Paint(50), telea=Paint(200), lama=Paint(30))
    orders = set()
    for _ in range(12):
        run(sessions, line, press(session, "patchmatch", "telea", "lama", blind=True))
        orders.add(tuple(slot.method for slot in ended(session.board).slots))
    assert len(orders) > 1  # all alike: once in 6 ** 11


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"methods": []}, "No method is chosen"),
        ({"methods": None}, "No method is chosen"),
        ({"methods": ["magic"]}, "no method called 'magic'"),
        ({"methods": ["telea", "telea"]}, "named twice"),
        ({"seed": -1}, "whole number"),
        ({"seed": 1.5}, "whole number"),
        ({"settings": {"telea": {"radius": 999}}}, "radius"),
        ({"settings": {"telea": 7}}, "no number"),
        ({"mask": None}, "mask"),
        ({"mask": "data:image/png;base64,%%%"}, "marks did not arrive"),
    ],
)
def test_bad_wishes_are_refused_in_a_sentence(
    sessions: Sessions, session: Session, line: Line, change: dict[str, Any], sentence: str
) -> None:
    told = begin(sessions, line, {**press(session, "telea"), **change}, "visitor")
    assert session.board is None
    assert sentence in told["error"] and "\n" not in told["error"]
    assert not session.busy


def test_a_photo_that_was_put_away_is_told_as_gone(sessions: Sessions, session: Session, line: Line) -> None:
    sessions.delete(session.token)
    assert begin(sessions, line, press(session, "telea"), "visitor")["gone"]


def test_removing_and_comparing_exclude_each_other(
    sessions: Sessions, session: Session, line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = Paint(9, go_on=threading.Event())
    use(monkeypatch, patchmatch=slow)
    begin(sessions, line, press(session, "patchmatch"), "visitor")
    (told,) = removal(sessions, line, press(session), Wish("telea", {}), "visitor")
    assert told["phase"] == "failed" and told["text"] == AT_WORK
    assert begin(sessions, line, press(session, "patchmatch"), "visitor")["error"] == AT_WORK
    slow.go_on.set()  # type: ignore[union-attr]
    ended(session.board)
    assert session.begin() is not None
    assert begin(sessions, line, press(session, "patchmatch"), "visitor")["error"] == AT_WORK


def test_a_full_line_is_waited_for(
    sessions: Sessions, session: Session, line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(monkeypatch, telea=Paint(200))
    monkeypatch.setattr(compare_run, "AGAIN_SECONDS", 0.05)
    tickets = [line.join(f"{index}") for index in range(5)]
    begin(sessions, line, press(session, "telea"), "visitor")
    until = time.monotonic() + 10
    while "waiting" not in (session.board.told()["text"] if session.board else ""):
        assert time.monotonic() < until
        time.sleep(0.02)
    for ticket in tickets:
        ticket.leave()
    assert ended(session.board).told()["cells"][0]["phase"] == "done"


def test_a_page_that_was_left_is_not_worked_for(
    sessions: Sessions, session: Session, line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = Paint(9, go_on=threading.Event())
    use(monkeypatch, patchmatch=slow, telea=Paint(200))
    monkeypatch.setattr(compare_run, "LEFT_SECONDS", 0.3)
    begin(sessions, line, press(session, "patchmatch", "telea"), "visitor")
    told = ended(session.board).told()
    assert told["text"].startswith("Stopped") and not session.busy
    slow.go_on.set()  # type: ignore[union-attr]


def test_a_full_disk_is_said_in_the_cell(
    sessions: Sessions, session: Session, line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(monkeypatch, patchmatch=Paint(50), telea=Paint(200))
    real, calls = np.savez, []

    def savez(*args: Any, **arrays: Any) -> None:
        calls.append(1)
        if len(calls) == 1:
            raise OSError(28, "No space left on device")
        real(*args, **arrays)

    monkeypatch.setattr(np, "savez", savez)
    told = run(sessions, line, press(session, "patchmatch", "telea"))
    assert sorted(cell["phase"] for cell in told["cells"]) == ["done", "failed"]
    assert "disk may be full" in next(cell["text"] for cell in told["cells"] if cell["phase"] == "failed")


def test_a_disk_that_is_full_at_once_is_one_sentence(
    sessions: Sessions, session: Session, line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("rorem.ui.comparing.write_marks", full)
    assert "no room" in begin(sessions, line, press(session, "telea"), "visitor")["error"]
    assert not session.busy


def test_a_result_becomes_the_photo_and_undo_leads_back(
    sessions: Sessions, session: Session, line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    start = np.array(session.picture.colour)
    use(monkeypatch, patchmatch=Paint(50), telea=Paint(200))
    run(sessions, line, press(session, "patchmatch", "telea"))
    board = ended(session.board)
    assert results.fits(session, board)
    assert results.keep(session, board, 0) is False
    assert (session.picture.colour[30, 25] == 50).all() and session.state == 1
    assert results.fits(session, board)
    assert results.keep(session, board, 1) is True  # beside the first, as a further version
    assert (session.picture.colour[30, 25] == 200).all() and session.choices == (1, 2)
    assert results.keep(session, board, 0) is True  # which is not laid in twice
    assert (session.state, session.choices) == (1, (1, 2))
    session.undo()
    assert (session.picture.colour == start).all()


def test_views_show_the_photo_as_it_was_compared(
    sessions: Sessions, session: Session, line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(monkeypatch, patchmatch=Paint(50), telea=Paint(200))
    run(sessions, line, press(session, "patchmatch", "telea"))
    board, box = ended(session.board), Box(15, 15, 60, 45)

    def seen(key: str) -> np.ndarray:
        picture = results.view(session, board, key, box, 100)
        assert picture is not None
        return np.array(picture.colour)

    source, first = seen("source"), seen("0")
    assert (source == noise()[15:45, 15:60]).all() and (first[15, 10] == 50).all()
    results.keep(session, board, 1)
    assert (seen("source") == source).all() and (seen("0") == first).all()
    session.undo()
    assert (seen("0") == first).all()
    assert results.view(session, board, "truth", box, 100) is None
    assert results.view(session, board, "7", box, 100) is None


def test_a_photo_that_has_changed_is_not_overwritten(
    sessions: Sessions, session: Session, line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(monkeypatch, patchmatch=Paint(50), telea=Paint(200))
    *_, told = removal(sessions, line, press(session), Wish("telea", {}), "visitor")
    assert told["phase"] == "done"
    run(sessions, line, press(session, "patchmatch"))
    board = ended(session.board)
    *_, told = removal(sessions, line, press(session, press=2), Wish("patchmatch", {}), "visitor")
    assert told["phase"] == "done" and board.base == 1 and session.state == 2
    assert results.keep(session, board, 0) is True  # both were made from the same state
    session.undo()
    session.undo()
    assert not results.fits(session, board)
    with pytest.raises(results.Changed, match="has changed since"):
        results.keep(session, board, 0)
    *_, told = removal(sessions, line, press(session, press=3), Wish("patchmatch", {}), "visitor")
    with pytest.raises(results.Changed):  # the state it was made from is gone for good
        results.view(session, board, "0", session_box(session), 100)
    with pytest.raises(results.Changed):
        results.packed(session, board)


def session_box(session: Session) -> Any:
    return Box(0, 0, *session.picture.size)


@pytest.mark.parametrize("size", [(80, 60), (40, 30), (160, 120), (64, 64)])
def test_as_published_is_shown_at_the_photo_s_size(
    sessions: Sessions, session: Session, line: Line, monkeypatch: pytest.MonkeyPatch, size: tuple[int, int]
) -> None:
    use(monkeypatch, lama=PaintAsPublished(70, size=size), telea=Paint(1))
    told = run(sessions, line, press(session, "lama", "telea", published=True))
    board = ended(session.board)
    assert told["published"] and [cell["phase"] for cell in told["cells"]] == ["done", "failed"]
    assert told["cells"][0]["drift"] > 1 and told["cells"][0]["working"] == [list(size)]
    view = results.view(session, board, "0", session_box(session), 1000)
    assert view is not None and view.size == (80, 60) and (view.colour == 70).all()
    if size == (80, 60):
        assert told["cells"][0]["why_not"] == ""
        results.keep(session, board, 0)
        assert (session.picture.colour == 70).all()
        session.undo()
        assert (session.picture.colour == noise()).all()
    else:
        assert f"{size[0]} × {size[1]}" in told["cells"][0]["why_not"]
        with pytest.raises(Exception, match="only be downloaded"):
            results.keep(session, board, 0)


def test_enlarged_results_lie_where_the_photo_lies() -> None:
    ramp = np.repeat(np.arange(0, 240, 6, dtype=np.uint8)[None, :, None], 30, axis=0).repeat(3, axis=2)  # 40 x 30
    whole = results._stretched(ramp, Box(0, 0, 80, 60), (80, 60), (80, 60))
    part = results._stretched(ramp, Box(21, 11, 61, 41), (80, 60), (40, 30))
    assert np.abs(whole[11:41, 21:61].astype(int) - part).max() <= 2


def test_networks_of_metrics_go_when_the_last_comparison_ends(
    sessions: Sessions, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    cleared: list[int] = []
    monkeypatch.setattr(networks, "clear", lambda: cleared.append(1))
    other, line = sessions.open_bytes(png(noise(5)), "b.png"), Line(places=2, per_visitor=2, longest=4)
    slow = Paint(9, go_on=threading.Event())
    use(monkeypatch, patchmatch=slow, telea=Paint(200))
    begin(sessions, line, press(session, "patchmatch"), "one")
    assert slow.begun.wait(20)
    begin(sessions, line, press(other, "telea"), "two")
    ended(other.board)
    time.sleep(0.2)
    assert not cleared, "one still runs"
    slow.go_on.set()  # type: ignore[union-attr]
    ended(session.board)
    until = time.monotonic() + 10
    while not cleared:
        assert time.monotonic() < until
        time.sleep(0.02)


def test_files_of_a_deleted_photo_are_gone(
    sessions: Sessions, session: Session, line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = Paint(9, go_on=threading.Event())
    use(monkeypatch, patchmatch=slow)
    begin(sessions, line, press(session, "patchmatch"), "visitor")
    assert slow.begun.wait(20)
    sessions.delete(session.token)
    slow.go_on.set()  # type: ignore[union-attr]
    ended(session.board)
    assert line.emptied(10) and not session.folder.exists()
