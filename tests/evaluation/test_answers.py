from __future__ import annotations

from pathlib import Path

import pytest

from rorem.errors import BadData
from rorem.evaluation.answers import accepted, read


def test_the_majority_of_yes_and_no_counts(tmp_path: Path) -> None:
    file = tmp_path / "answers.csv"
    file.write_text(
        "sample,method,verdict,seed\na,telea,yes,\na,telea,no,\na,telea,yes,\nb,telea,no,0\nb,telea,yes,1\n"
        "c,telea,yes,\nc,telea,NO,\nd,telea,skip,\n"
    )
    answers = read(file)
    assert accepted(answers, ("hash", "a"), "telea", 0) == 1
    assert accepted(answers, ("hash", "b"), "telea", 0) == 0
    assert accepted(answers, ("hash", "b"), "telea", 1) == 1
    assert accepted(answers, ("c", "name"), "telea", 5) == 0.5
    assert accepted(answers, ("hash", "d"), "telea", 0) is None
    assert accepted(answers, ("hash", "a"), "lama", 0) is None


def test_json_lines_say_the_same(tmp_path: Path) -> None:
    file = tmp_path / "answers.jsonl"
    file.write_text(
        '{"sample": "a", "method": "telea", "verdict": "yes"}\n\n{"sample": "a", "method": "x", "verdict": "no"}\n'
    )
    assert accepted(read(file), ("a", "a"), "telea", 0) == 1


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.csv", "sample,verdict\na,yes\n"),
        ("a.csv", "sample,method,verdict,seed\na,telea,yes,first\n"),
        ("a.jsonl", '{"sample": "a"\n'),
        ("a.jsonl", "[1, 2]\n"),
    ],
)
def test_what_is_no_list_of_answers_is_refused(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(BadData, match="not a list of answers"):
        read(tmp_path / name)
