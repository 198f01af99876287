"""Pseudonyms, tokens and the key."""

from __future__ import annotations

import os
import re
import stat
import threading
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rorem.errors import BadOptions
from rorem.labels.identity import VARIABLE, Identities, NotAllowed, key_from
from tests.labels.samples import ANNA

KEY = b"a key that nobody knows"
PEOPLE = Identities(KEY)


@given(st.text())
def test_a_name_has_one_pseudonym_of_a_kind_and_it_does_not_tell_the_name(name: str) -> None:
    found = PEOPLE.pseudonym("nickname", name)
    assert len(found) == 32 and set(found) <= set("0123456789abcdef")
    assert found == PEOPLE.pseudonym("nickname", f" {name} ") != PEOPLE.pseudonym("hf", name)
    assert found != Identities(b"another key of the house").pseudonym("nickname", name)
    assert PEOPLE.read_token(PEOPLE.token(found)) == found


def test_case_and_the_way_of_writing_an_accent_do_not_matter() -> None:
    assert PEOPLE.pseudonym("nickname", "Zoë") == PEOPLE.pseudonym("nickname", "ZOE\u0308")


GOOD = PEOPLE.token(ANNA)


FORGED = [
    *(
        "",
        ".",
        ANNA,
        ANNA + ".",
        f"{ANNA}.{'0' * 40}",
        GOOD[:-1],
        GOOD + "0",
        GOOD + "\n",
        "b" + GOOD[1:],
        GOOD.upper(),
    ),
    *("\ud800." + "0" * 40, "\0" * 73, "x" * 10_000_000, Identities(b"another key of mine").token(ANNA)),
]


@pytest.mark.parametrize("token", FORGED, ids=range(len(FORGED)))
def test_a_forged_token_is_refused(token: str) -> None:
    with pytest.raises(NotAllowed) as caught:
        PEOPLE.read_token(token)
    assert ANNA not in caught.value.advice
    assert PEOPLE.read_token(GOOD) == ANNA


@given(st.text(max_size=80))
def test_no_text_is_a_token(text: str) -> None:
    with pytest.raises(NotAllowed):
        PEOPLE.read_token(text)


def test_the_key_of_the_environment_goes_before_the_file(tmp_path: Path) -> None:
    assert key_from({VARIABLE: " 0123456789abcdef\n"}, tmp_path) == b"0123456789abcdef"
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(BadOptions, match=VARIABLE):
        key_from({VARIABLE: "short"}, tmp_path)


def test_a_key_is_made_once_and_only_its_owner_reads_it(tmp_path: Path) -> None:
    folder = tmp_path / "new"
    found: list[bytes] = []
    threads = [threading.Thread(target=lambda: found.append(key_from({}, folder))) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 16 and len(set(found)) == 1 and len(found[0]) == 64
    assert os.listdir(folder) == ["label.key"]
    assert stat.S_IMODE((folder / "label.key").stat().st_mode) == 0o600


def test_an_empty_key_is_not_taken(tmp_path: Path) -> None:
    (tmp_path / "label.key").touch()
    with pytest.raises(BadOptions, match="too short"):
        key_from({}, tmp_path)


def test_a_code_is_read_however_it_is_typed() -> None:
    code = PEOPLE.code("session", "item")
    assert re.fullmatch("([A-HJ-NP-Z2-9]{5}-){3}[A-HJ-NP-Z2-9]{5}", code)
    assert PEOPLE.code_hash(code) == PEOPLE.code_hash(code.lower().replace("-", " "))
    assert PEOPLE.code_hash(code) != PEOPLE.code_hash(PEOPLE.code("session", "other"))


@given(st.text(), st.text(), st.text())
def test_a_code_can_be_had_again_and_by_nobody_else(session: str, item: str, other: str) -> None:
    code = PEOPLE.code(session, item)
    assert code == PEOPLE.code(session, item) != Identities(b"another key of the house").code(session, item)
    assert other in (session, item) or code not in (PEOPLE.code(other, item), PEOPLE.code(session, other))


def test_all_signs_of_codes_are_as_frequent() -> None:
    some = "".join(PEOPLE.code("session", str(number)).replace("-", "") for number in range(2000))
    counts = Counter(some)
    assert len(counts) == 32 and all(abs(count - 1250) < 250 for count in counts.values())  # 7 deviations


@pytest.mark.parametrize("kind", [PermissionError, NotImplementedError, OSError])
def test_a_disk_without_hard_links_keeps_a_key_too(
    kind: type[Exception], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def link(*told: object) -> None:
        raise kind("Operation not permitted")

    monkeypatch.setattr(os, "link", link)
    key = key_from({}, tmp_path)
    assert len(key) == 64 and key_from({}, tmp_path) == key
    assert os.listdir(tmp_path) == ["label.key"]
    assert stat.S_IMODE((tmp_path / "label.key").stat().st_mode) == 0o600


def test_a_full_disk_without_hard_links_leaves_no_half_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*told: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "link", fail)
    monkeypatch.setattr(Path, "read_bytes", fail)
    with pytest.raises(OSError):
        key_from({}, tmp_path)
    assert os.listdir(tmp_path) == []
