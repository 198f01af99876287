"""The page holds everything in itself, believes no name, and says what is missing."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from rorem.errors import BadData
from rorem.evaluation.cases import Case, CasePictures
from rorem.evaluation.report import CSV, PAGE, TABLE, RunFacts, write
from rorem.evaluation.rows import Row
from rorem.evaluation.sections import headlines
from rorem.evaluation.summary import summarize
from tests.evaluation.made_rows import DEFINITIONS, row, run, several

EVIL = "<script>alert('x')</script>\"'><img src=http://evil.example/x.png onerror=alert(1)>"
ABOUT = RunFacts(dataset="Twelve pairs", protocol="same pipeline", machine="one machine", date="2026-01-02")


def pictures(case: Case) -> CasePictures:
    source = np.full((60, 80, 3), 90, np.uint8)
    mask = np.zeros((60, 80), bool)
    mask[20:40, 20:50] = True
    return CasePictures(source, mask, source, source)


def page(folder: Path, rows: list[Row], about: RunFacts = ABOUT, **more: object) -> str:
    write(folder, rows, about, DEFINITIONS, **more)  # type: ignore[arg-type]
    return (folder / PAGE).read_text("utf-8")


class Parsed(HTMLParser):
    """Tags with their attributes, and all text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def test_nothing_is_loaded_from_anywhere(tmp_path: Path) -> None:
    html = page(tmp_path, run(), pictures=pictures, paper=True)
    assert "http" not in html.replace('http-equiv="Content-Security-Policy"', "")
    assert "@import" not in html
    for tag, facts in Parsed(html).tags:
        assert tag not in ("script", "link", "iframe", "object", "base", "form")
        for name in ("src", "href", "xlink:href"):
            assert (facts.get(name) or "#").startswith(("#", "data:image/"))
        assert not any(name.startswith("on") for name in facts)
    assert set(re.findall(r"url\(([^)]*)\)", html)) <= {url for url in re.findall(r"url\((#[^)]*)\)", html)}


def test_hostile_names_are_text(tmp_path: Path) -> None:
    rows = [
        *run(12, (EVIL, "b"), category=EVIL, name=EVIL, revision=EVIL),
        row("removal", None, 3, "b", seed=4, reason=EVIL),
    ]
    rows += run(12, (EVIL, "b"), policy=EVIL)
    about = RunFacts(
        dataset=EVIL, protocol=EVIL, machine=EVIL, date=EVIL, version=EVIL, methods=(EVIL,),
        titles={"b": EVIL}, left_out={EVIL: EVIL}, notes=[EVIL],
    )  # fmt: skip
    parsed = Parsed(page(tmp_path, rows, about, pictures=pictures))
    assert not {"script", "iframe"} & {tag for tag, _ in parsed.tags}
    images = [facts for tag, facts in parsed.tags if tag == "img"]
    assert images and all((facts["src"] or "").startswith("data:image/webp;base64,") for facts in images)
    assert all("onerror" not in facts for _, facts in parsed.tags)
    assert EVIL in "".join(parsed.text)


def test_everything_is_on_the_page(tmp_path: Path) -> None:
    rows = [*run(12, ("a", "b")), *run(12, ("a", "b"), policy="eroded")]
    rows += [row("removal", None, 3, "b", seed=4, reason="No memory."), row("seam", None, 1, seed=5, reason="No edge.")]
    about = RunFacts(
        dataset="Twelve pairs", machine="one machine", date="2026-01-02", version="1.2",
        titles={"a": "Method A"}, left_out={"lpips_full/gt@vgg": "No weights."}, notes=["One sample was damaged."],
    )  # fmt: skip
    parsed = Parsed(page(tmp_path, rows, about, pictures=pictures, paper=True))
    text = " ".join(" ".join(parsed.text).split())
    for words in (
        "Twelve pairs", "one machine", "2026-01-02", "Method A", "r1", "same pipeline", "0, 4, 5",
        "No weights.", "lpips_full/gt@vgg", "One sample was damaged.", "No memory.", "pair-03", "No edge.",
        "Seam, distance from 0",
        "Signal to noise inside the hole.", "Wall time of one removal.", "Size of the mask", "1 of 4:", "eroded",
        "change", "b failed on 1 of 12 pictures", "Wilson", "not run here", "RORem-4S", "75.6", "Second hand.",
        "Worst", "Best", "seed 0:",
    ):  # fmt: skip
        assert words in text, words
    plots = [facts["aria-label"] for tag, facts in parsed.tags if tag == "svg"]
    assert len(plots) == 5 + 3 + 3  # intervals of all, and three that tell most against seconds and by size
    targets = {facts["id"] for _, facts in parsed.tags if "id" in facts}
    assert {facts["href"] for tag, facts in parsed.tags if tag == "a"} <= {f"#{name}" for name in targets}


def test_the_paper_is_printed_only_when_asked(tmp_path: Path) -> None:
    assert "RORem-4S" not in page(tmp_path, run())
    assert "RORem-4S" not in (tmp_path / TABLE).read_text("utf-8")
    page(tmp_path, run(), paper=True)
    assert "RORem-4S" in (tmp_path / TABLE).read_text("utf-8")


def test_the_same_rows_give_the_same_files(tmp_path: Path) -> None:
    rows = run(12, ("a", "b"), seed=2)
    for folder, order in (("one", rows), ("other", rows[::-1])):
        page(tmp_path / folder, order, pictures=pictures)
    for name in (TABLE, CSV, PAGE):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "other" / name).read_bytes()


@pytest.mark.parametrize(
    "rows", [several("levels", [1.0]), several("cmmd", [0.5, 0.4]), run(2, ("a",)), run(1)], ids=len
)
def test_small_runs_have_a_page_too(tmp_path: Path, rows: list[Row]) -> None:
    html = page(tmp_path, rows, pictures=pictures)
    assert "Results" in html and (tmp_path / CSV).stat().st_size


def test_a_run_under_another_mask_only_says_so(tmp_path: Path) -> None:
    assert "masks dilated" in page(tmp_path, run(policy="dilated"))


def test_nothing_measured_is_no_report(tmp_path: Path) -> None:
    with pytest.raises(BadData):
        write(tmp_path, [row("removal", None, reason="No memory.")], ABOUT, DEFINITIONS)
    assert not list(tmp_path.iterdir())


def test_pictures_that_are_gone_leave_a_sentence(tmp_path: Path) -> None:
    assert "Its pictures are not there any more." in page(tmp_path, run(), pictures=lambda case: None)


def test_headlines_are_what_tells_most() -> None:
    summary = summarize(run(), DEFINITIONS)
    assert [one.id for one in headlines(summary)] == ["success_judge", "psnr_hole/gt", "seam"]
    assert [one.id for one in headlines(summary, "latency")] == ["latency", "success_judge", "psnr_hole/gt", "seam"]
