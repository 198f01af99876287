"""Copyright files: whose a file is, wherever the package put it."""

from __future__ import annotations

from pathlib import Path

import pytest

from data_tools.synthesize.credits import UNKNOWN, credit_of, notices_of, parse

TEXT = """Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/
Upstream-Name: pictures

Files: *
Copyright: 2010, 2011 by Ann One <ann@example.org>
           2014-2016 Ben Two
           (c) 2020 Cat Three
           2021, Dan Four
License: GPL-3+

Files: src/animals/moose.jpg
       src/animals/hare.jpg
Copyright: Eve Five, 2018
License: public-domain
Comment: https://example.org/File:Moose.jpg

Files: src/clouds/*
Copyright: none
License: CC0-1.0
 No rights.
 .
 Files: not/a/field.jpg

Files: 16.04/sunset.jpg
Copyright: 2018. Fay Six
License: CC-BY-4.0
"""


@pytest.mark.parametrize(
    ("path", "author", "licence"),
    [
        ("src/animals/moose.jpg", "Eve Five", "public-domain"),
        ("usr/share/x/animals.rcc/app/src/animals/hare.webp", "Eve Five", "public-domain"),
        ("usr/share/src/clouds/far/one.png", "none", "CC0-1.0"),
        ("usr/share/backgrounds/sunset.jpg", "Fay Six", "CC-BY-4.0"),
        ("usr/share/other.jpg", "Ann One, Ben Two, Cat Three and others", "GPL-3+"),
        ("not/a/field.jpg", "Ann One, Ben Two, Cat Three and others", "GPL-3+"),
    ],
)
def test_who_made_it(path: str, author: str, licence: str) -> None:
    credit = credit_of(path, parse(TEXT))
    assert (credit.author, credit.licence) == (author, licence)


def test_the_page_that_it_came_from_is_kept() -> None:
    credit = credit_of("src/animals/moose.jpg", parse(TEXT, "Debian package pictures"))
    assert credit.source == "https://example.org/File:Moose.jpg, Debian package pictures"


def test_the_last_of_equal_notices_counts() -> None:
    notices = parse("Files: a/*\nCopyright: First\nLicense: X\n\nFiles: a/*\nCopyright: Last\nLicense: Y\n")
    assert credit_of("a/b.jpg", notices).author == "Last"


def test_a_name_that_two_notices_have_tells_nothing() -> None:
    notices = parse("Files: a/x.jpg\nCopyright: A\nLicense: X\n\nFiles: b/x.jpg\nCopyright: B\nLicense: Y\n")
    assert credit_of("elsewhere/x.jpg", notices).author == UNKNOWN
    assert credit_of("usr/a/x.png", notices).author == "A"


def test_a_package_says_it_where_debian_puts_it(tmp_path: Path) -> None:
    file = tmp_path / "usr/share/doc/pictures/copyright"
    file.parent.mkdir(parents=True)
    file.write_text(TEXT, "utf-8")
    credit = credit_of("usr/share/backgrounds/sunset.jpg", notices_of(tmp_path))
    assert credit.author == "Fay Six" and credit.source == "Debian package pictures"


@pytest.mark.parametrize("text", ["", "All rights are mine.", "License: X\n\n\n\nCopyright: nobody"])
def test_other_texts_say_nothing(tmp_path: Path, text: str) -> None:
    (tmp_path / "copyright").write_text(text)
    assert credit_of("a.jpg", notices_of(tmp_path)).licence == UNKNOWN


def test_a_folder_without_one_says_nothing(tmp_path: Path) -> None:
    assert notices_of(tmp_path) == []
