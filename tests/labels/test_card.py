"""The card of the data set: it names the parts that are there, and keeps what others wrote."""

from __future__ import annotations

import yaml

from rorem.labels.card import BEGIN, END, Agreement, card
from rorem.labels.shards import EVENTS, ITEMS, path_of

FILES = [path_of(ITEMS, ["1", "2"]), path_of(ITEMS, ["3"]), path_of(EVENTS, ["4", "5", "6", "7"]), "data/other.csv"]
NAME = "someone/labels"


def head(text: str) -> dict:
    return yaml.safe_load(text.split("---\n")[1])


def test_counts_follow_from_the_names_of_the_files() -> None:
    text = card("", NAME, FILES, Agreement(0.876, 50, 20))
    assert "3 removals and 4 label events." in text and "87.6 % of 50 pairs of answers on 20 removals" in text
    assert [one["config_name"] for one in head(text)["configs"]] == ["default", "events"]
    assert head(text)["license"] == "other" and text.count(BEGIN) == text.count(END) == 1
    assert "nothing can be said about agreement" in card("", NAME, FILES, None)


def test_parts_without_files_are_not_named() -> None:
    assert [one["config_name"] for one in head(card("", NAME, FILES[2:], None))["configs"]] == ["events"]
    assert [one["config_name"] for one in head(card("", NAME, FILES[:1], None))["configs"]] == ["default"]
    assert "configs" not in head(card(card("", NAME, FILES, None), NAME, [], None))


def test_what_others_wrote_stays() -> None:
    first = card("---\nlicense: mit\nlanguage: de\n---\n# Mine\n\nMy words.\n", NAME, FILES, None, "cc-by-4.0")
    edited = first.replace("# Mine", "# Really mine") + "\nMore words.\n"
    again = card(edited, NAME, FILES[:2], None)
    assert again.index("# Really mine") < again.index("My words.") < again.index(BEGIN) < again.index("More words.")
    assert (head(again)["license"], head(again)["language"]) == ("mit", "de")
    assert again.count(BEGIN) == 1 and "3 removals and 0 label events." in again
    assert card(again, NAME, FILES[:2], None) == again


def test_a_broken_head_is_replaced() -> None:
    assert head(card("---\n: [\n---\nWords.\n", NAME, FILES, None))["configs"]
