"""Pairing photos with masks, lists, and doing the work so that it can be taken up again."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from rorem import api, batch
from rorem.batch import BadRequest, Outcome, Settings, Task
from rorem.errors import Cancelled

HIGH, WIDE = 40, 56


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every test has the current folder for itself."""
    monkeypatch.chdir(tmp_path)


def photo(path: str, seed: int = 0) -> Path:
    pixels = np.random.default_rng(seed).integers(90, 120, (HIGH, WIDE, 3), dtype=np.uint8)
    pixels[15:22, 20:30] = (250, 20, 20)
    return saved(path, pixels)


def mask(path: str) -> Path:
    marked = np.zeros((HIGH, WIDE), np.uint8)
    marked[15:22, 20:30] = 255
    return saved(path, marked)


def saved(path: str, pixels: np.ndarray) -> Path:
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)
    return Path(path)


def files(folder: str = ".") -> set[str]:
    return {path.relative_to(folder).as_posix() for path in Path(folder).rglob("*") if path.is_file()}


def told(tasks: Iterable[Task]) -> list[tuple[str, str, str]]:
    """Photo, mask and output of tasks without an error."""
    return [(task.photo.as_posix(), task.mask.as_posix(), task.output.as_posix()) for task in tasks if not task.error]


def wrong(tasks: Iterable[Task]) -> list[str]:
    return [str(task.error) for task in tasks if task.error]


def run(tasks: list[Task], settings: Settings = Settings()) -> list[Outcome]:  # noqa: B008
    return [batch.work(task, settings) for task in batch.guarded(tasks, settings)]


class TestPairs:
    def test_a_photo_and_its_mask(self) -> None:
        tasks = batch.from_paths(photo("in/sea.jpg"), mask("m.png"))
        assert told(tasks) == [("in/sea.jpg", "m.png", "in/sea-removed.jpg")]

    def test_into_a_folder_that_is_there(self) -> None:
        Path("out").mkdir()
        assert told(batch.from_paths(photo("sea.jpg"), mask("m.png"), Path("out"))) == [
            ("sea.jpg", "m.png", "out/sea.jpg")
        ]

    def test_a_photo_and_a_folder_of_masks(self) -> None:
        mask("masks/hill.png")
        mask("masks/sea_mask.png")
        assert told(batch.from_paths(photo("sea.jpg"), Path("masks"), Path("out.png"))) == [
            ("sea.jpg", "masks/sea_mask.png", "out.png")
        ]

    def test_folders_keep_their_tree(self) -> None:
        photo("in/sea.jpg")
        photo("in/a/b/sea.PNG")
        photo("in/hill.v2.webp")
        mask("masks/sea.png")
        mask("masks/a/b/sea-mask.png")
        mask("masks/hill.v2_mask.bmp")
        assert told(batch.from_paths(Path("in"), Path("masks"), Path("out"))) == [
            ("in/a/b/sea.PNG", "masks/a/b/sea-mask.png", "out/a/b/sea.PNG"),
            ("in/hill.v2.webp", "masks/hill.v2_mask.bmp", "out/hill.v2.webp"),
            ("in/sea.jpg", "masks/sea.png", "out/sea.jpg"),
        ]

    def test_one_mask_for_all(self) -> None:
        photo("in/a.png")
        photo("in/b.png")
        mask("in/m.png")
        assert told(batch.from_paths(Path("in"), Path("in/m.png"))) == [
            ("in/a.png", "in/m.png", "in-removed/a.png"),
            ("in/b.png", "in/m.png", "in-removed/b.png"),
        ]

    def test_the_folder_one_stands_in(self, monkeypatch: pytest.MonkeyPatch) -> None:
        photo("in/a.png")
        mask("m.png")
        monkeypatch.chdir("in")
        (task,) = batch.from_paths(Path("."), Path("../m.png"))
        assert task.output == Path.cwd().parent / "in-removed/a.png"

    def test_masks_among_the_photos(self) -> None:
        photo("in/a.png")
        photo("in/a.jpg")
        mask("in/a_mask.png")
        photo("in/lone.png")
        tasks = batch.from_paths(Path("in"), Path("in"), Path("out"))
        assert told(tasks) == [("in/a.jpg", "in/a_mask.png", "out/a.jpg"), ("in/a.png", "in/a_mask.png", "out/a.png")]
        assert wrong(tasks) == ["There is no mask for lone.png."]

    def test_several_masks_give_a_result_each(self) -> None:
        photo("in/a.jpg")
        mask("masks/a_mask001.png")
        mask("masks/a_mask002.png")
        assert told(batch.from_paths(Path("in"), Path("masks"), Path("out"))) == [
            ("in/a.jpg", "masks/a_mask001.png", "out/a_mask001.jpg"),
            ("in/a.jpg", "masks/a_mask002.png", "out/a_mask002.jpg"),
        ]

    def test_the_very_same_name_wins(self) -> None:
        photo("in/a.png")
        mask("masks/a.png")
        mask("masks/a.bmp")
        mask("masks/a_mask.png")
        assert told(batch.from_paths(Path("in"), Path("masks"), Path("out"))) == [
            ("in/a.png", "masks/a.png", "out/a.png")
        ]

    def test_masks_and_results_inside_the_photos_are_no_photos(self) -> None:
        photo("in/a.png")
        mask("in/masks/a.png")
        photo("in/out/a.png")
        photo("in/skip/b.png")
        Path("in/.hidden").mkdir()
        photo("in/.hidden/a.png")
        photo("in/._a.png")
        photo("in/a-removed.png")
        photo("in/a-removed.1.png")
        tasks = batch.from_paths(Path("in"), Path("in/masks"), Path("in/out"))
        assert told(tasks) == [("in/a.png", "in/masks/a.png", "in/out/a.png")]
        assert wrong(tasks) == ["There is no mask for skip/b.png."]

    def test_what_to_leave_alone_may_be_a_folder_with_gaps(self) -> None:
        photo("in/a.png")
        photo("in/b.png")
        mask("m.png")
        mask("people/b.png")
        tasks = batch.from_paths(Path("in"), Path("m.png"), avoid=Path("people"))
        assert [task.avoid for task in tasks] == [None, Path("people/b.png")]

    @pytest.mark.parametrize(
        ("arguments", "sentence"),
        [
            (("nope.jpg", "m.png"), "There is no file or folder called nope.jpg."),
            (("a.jpg", "nope"), "There is no file or folder called nope."),
            (("a.jpg", "m.png", "out.xyz"), "RORem cannot write .xyz files."),
            (("in", "m.png", "m.png"), "m.png is a file, and the results need a folder."),
            (("empty", "m.png"), "There are no photos in empty."),
        ],
    )
    def test_refused_as_a_whole(self, arguments: tuple[str, ...], sentence: str) -> None:
        photo("a.jpg")
        photo("in/a.jpg")
        mask("m.png")
        Path("empty").mkdir()
        with pytest.raises(BadRequest) as error:
            batch.from_paths(*map(Path, arguments))
        assert str(error.value) == sentence and error.value.fix


class TestLists:
    def rows(self, name: str) -> None:
        """The same list in the form that the suffix says."""
        entries = [
            {"photo": "in/a.png", "mask": "m.png", "licence": "CC0"},
            {"photo": "in/a.png", "mask": "m.png", "output": "new/b.jpg", "seed": 7, "method": "telea"},
        ]
        columns = ["photo", "mask", "output", "seed", "method", "licence"]
        lines = [[str(entry.get(column, "")) for column in columns] for entry in entries]
        text = {
            ".csv": "\n".join(map(",".join, [columns, *lines])),
            ".json": json.dumps(entries),
            ".jsonl": "\n\n".join(map(json.dumps, entries)),
        }
        Path(name).write_text(text[Path(name).suffix])

    @pytest.mark.parametrize("suffix", ["csv", "json", "jsonl"])
    def test_every_form_says_the_same(self, suffix: str) -> None:
        Path("lists").mkdir()
        self.rows(f"lists/pairs.{suffix}")
        first, second = batch.from_manifest(Path(f"lists/pairs.{suffix}"), Path("out"))
        assert first == Task(Path("lists/in/a.png"), Path("lists/m.png"), Path("out/in/a.png"))
        assert second.output == Path("out/new/b.jpg") and (second.seed, second.method) == (7, "telea")

    def test_a_list_from_a_spreadsheet(self) -> None:
        Path("p.csv").write_bytes("\ufeffphoto;mask;seed\r\na.png;m.png;3\r\n;;\r\n".encode())
        tasks = batch.from_manifest(Path("p.csv"), Path("out"))
        assert told(tasks) == [("a.png", "m.png", "out/a.png")] and tasks[0].seed == 3
        assert len(wrong(tasks)) == 1 and "Line 3 of p.csv" in wrong(tasks)[0]

    def test_signs_that_look_like_the_end_of_a_line(self) -> None:
        Path("p.jsonl").write_text('{"photo": "a\u2028b.png", "mask": "m.png"}\n', "utf-8")
        assert told(batch.from_manifest(Path("p.jsonl"), Path("out"))) == [
            ("a\u2028b.png", "m.png", "out/a\u2028b.png")
        ]

    @pytest.mark.parametrize("column", ["photo", "mask", "output"])
    @pytest.mark.parametrize("path", ["../x.png", "a/../../x.png", "/etc/x.png", "link/x.png", "a\0.png", "loop/x.png"])
    def test_no_path_leaves_its_folder(self, column: str, path: str) -> None:
        for folder in ("list", "out"):
            Path(folder).mkdir()
            Path(folder, "link").symlink_to("/etc")
            Path(folder, "loop").symlink_to("loop")
        row = {"photo": "a.png", "mask": "m.png", "output": "a.png", column: path}
        Path("list/p.jsonl").write_text(json.dumps(row))
        (task,) = batch.from_manifest(Path("list/p.jsonl"), Path("out"))
        assert task.error and "leads out of" in str(task.error) and "--allow-outside" in task.error.fix

    def test_no_result_leaves_its_folder_through_a_link(self) -> None:
        Path("out").mkdir()
        Path("out/in").symlink_to("/etc")
        Path("p.jsonl").write_text('{"photo": "in/a.png", "mask": "m.png"}')
        (task,) = batch.from_manifest(Path("p.jsonl"), Path("out"))
        assert "leads out of" in str(task.error)

    def test_a_list_that_is_trusted(self) -> None:
        Path("list").mkdir()
        Path("list/p.jsonl").write_text('{"photo": "../in/a.png", "mask": "../m.png"}')
        (task,) = batch.from_manifest(Path("list/p.jsonl"), Path("out"), anywhere=True)
        assert told([task]) == [("list/../in/a.png", "list/../m.png", "out/a.png")]

    @pytest.mark.parametrize(
        "line",
        [
            "not json",
            "[1, 2]",
            "7",
            '{"photo": "a.png"}',
            '{"photo": "a.png", "mask": ""}',
            '{"photo": 7, "mask": "m.png"}',
            '{"photo": "a.png", "mask": "m.png", "seed": -1}',
            '{"photo": "a.png", "mask": "m.png", "seed": "x"}',
            '{"photo": "a.png", "mask": "m.png", "output": "a.exe"}',
            "[" * 100_000,
        ],
    )
    def test_a_wrong_line_costs_only_itself(self, line: str) -> None:
        Path("p.jsonl").write_text(f'{{"photo": "a.png", "mask": "m.png"}}\n{line}\n')
        tasks = batch.from_manifest(Path("p.jsonl"), Path("out"))
        assert told(tasks) == [("a.png", "m.png", "out/a.png")]
        assert wrong(tasks)[0].startswith("Line 2 of p.jsonl: ") and "\n" not in wrong(tasks)[0]

    @pytest.mark.parametrize(
        ("name", "content"),
        [
            ("p.txt", b"photo,mask"),
            ("p.csv", b""),
            ("p.csv", b"a.png,m.png\n"),
            ("p.csv", b"photo,mask\n"),
            ("p.csv", b"\xff\xfe\x00"),
            ("p.csv", b'photo,mask\n"' + b"x" * 200_000),
            ("p.json", b"{"),
            ("p.json", b'{"photo": "a.png"}'),
            ("p.json", b"[]"),
            ("p.json", b"[" * 100_000),
            ("folder.csv", None),
            ("missing.csv", None),
        ],
    )
    def test_a_list_that_is_none(self, name: str, content: bytes | None) -> None:
        Path("folder.csv").mkdir()
        if content is not None:
            Path(name).write_bytes(content)
        with pytest.raises(BadRequest) as error:
            batch.from_manifest(Path(name), Path("out"))
        assert name in str(error.value) and str(error.value).endswith(".")


class TestGuard:
    def test_no_photo_or_mask_is_written_over(self) -> None:
        first, second, marked = photo("a.png"), photo("b.png"), mask("m.png")
        Path("same.png").hardlink_to(marked)
        tasks = [Task(first, marked, Path("out.png"))]
        Path("x").mkdir()
        for output in ("a.png", "b.png", "m.png", "same.png", "x/../a.png"):
            guarded = batch.guarded([*tasks, Task(second, marked, Path(output))], Settings())
            assert "written over" in wrong(guarded)[0] and len(told(guarded)) == 1

    def test_overwriting_can_be_asked_for(self) -> None:
        task = Task(photo("a.png"), mask("m.png"), Path("a.png"))
        assert wrong(batch.guarded([task], Settings(overwrite=True))) == []

    def test_refused_at_once_where_nothing_else_is_left(self) -> None:
        photo("in/a.png")
        photo("in/b.png")
        mask("m.png")
        tasks = batch.from_paths(Path("in"), Path("m.png"), Path("in"))
        with pytest.raises(BadRequest, match="written over"):
            batch.guarded(tasks, Settings())

    @pytest.mark.parametrize("candidates", [1, 3])
    def test_two_results_never_go_to_one_file(self, candidates: int) -> None:
        tasks = [Task(photo("a.png"), mask("m.png"), Path("x.png")), Task(photo("b.png"), mask("m.png"), Path("x.png"))]
        guarded = batch.guarded(tasks, Settings(candidates=candidates))
        assert [bool(task.error) for task in guarded] == [False, True]


@pytest.fixture
def given(monkeypatch: pytest.MonkeyPatch) -> dict[str, object]:
    """What `api.remove` is called with, besides the photo and its mask."""
    remove: Callable[..., list] = api.remove
    given: dict[str, object] = {}

    def spy(*arguments: object, **settings: object) -> list:
        given.update(settings, method=arguments[2])
        return remove(*arguments, **settings)

    monkeypatch.setattr(api, "remove", spy)
    return given


class TestWork:
    def test_what_is_there_is_skipped(self) -> None:
        photo("in/a.png")
        photo("in/b.png")
        mask("m.png")
        tasks = batch.from_paths(Path("in"), Path("m.png"))
        run(tasks[:1])
        written = Path("in-removed/a.png").read_bytes()
        first, second = run(tasks, Settings(seed=9))
        assert first.skipped and not second.skipped and first.files == (Path("in-removed/a.png"),)
        assert Path("in-removed/a.png").read_bytes() == written
        again, _ = run(tasks, Settings(overwrite=True))
        assert not again.skipped

    def test_the_seed_knows_no_order(self) -> None:
        for name in "abc":
            photo(f"in/{name}.png", seed=ord(name))
        mask("m.png")
        tasks = batch.from_paths(Path("in"), Path("m.png"), Path("out"))
        outcomes = run(tasks, Settings(seed=3))
        results = [outcome.files[0].read_bytes() for outcome in outcomes]
        for outcome in outcomes:
            outcome.files[0].unlink()
        backwards = run(tasks[::-1], Settings(seed=3))
        assert [outcome.files[0].read_bytes() for outcome in backwards[::-1]] == results
        assert {outcome.seed for outcome in (*outcomes, *backwards)} == {3}

    def test_candidates_are_numbered_and_skipped_when_all_are_there(self) -> None:
        task = Task(photo("a.png"), mask("m.png"), Path("out.v2.png"))
        (outcome,) = run([task], Settings(candidates=2))
        assert [str(file) for file in outcome.files] == ["out.v2.1.png", "out.v2.2.png"]
        assert run([task], Settings(candidates=2))[0].skipped
        assert not run([task], Settings(candidates=3))[0].skipped

    def test_a_method_that_gives_one_is_skipped_too(self) -> None:
        task = Task(photo("a.png"), mask("m.png"), Path("out.png"), method="telea")
        (outcome,) = run([task], Settings(candidates=3))
        assert [str(file) for file in outcome.files] == ["out.1.png"]
        assert run([task], Settings(candidates=3))[0].skipped

    def test_every_setting_arrives(self, given: dict[str, object]) -> None:
        task = Task(photo("a.png"), mask("m.png"), Path("out.png"), seed=4, method="telea")
        settings = Settings(seed=9, options={"radius": 2}, candidates=2, grow=3, polarity="white")
        (outcome,) = run([task], settings)
        assert outcome.error is None and outcome.windows[0]["grow"] == 3
        given.pop("on_step")
        expected = {"method": "telea", "seed": 4, "options": {"radius": 2}, "avoid": None}
        assert given == expected | {"candidates": 2, "grow": 3, "polarity": "white", "protocol": "same pipeline"}

    def test_nearly_everything_may_be_left_alone(self, given: dict[str, object]) -> None:
        people = np.full((HIGH, WIDE), 255, np.uint8)
        people[2:12, 2:22] = 0
        task = Task(photo("a.png"), mask("m.png"), Path("out.png"), avoid=saved("people.png", people))
        assert run([task])[0].error is None
        assert isinstance(given["avoid"], np.ndarray) and (given["avoid"] == (people > 0)).all()

    def test_a_bad_mask_of_what_to_leave_alone_is_named(self) -> None:
        task = Task(photo("a.png"), mask("m.png"), Path("out.png"), avoid=saved("no.png", np.zeros((8, 90), np.uint8)))
        assert "no.png, the mask of what to leave alone" in str(run([task])[0].error)

    def test_the_suffix_chooses_the_format_and_none_keeps_it(self) -> None:
        marked, source = mask("m.png"), photo("a.jpg")
        source.rename("a.jfif")
        outputs = {"x.webp": "WEBP", "y": "JPEG", "z.jfif": "JPEG", "w.TIF": "TIFF"}
        for output, format in outputs.items():
            assert run([Task(Path("a.jfif"), marked, Path(output))])[0].error is None
            with Image.open(output) as result:
                assert result.format == format

    @pytest.mark.parametrize("name", ["broken.png", "missing.png", "folder"])
    def test_a_bad_photo_costs_only_itself(self, name: str) -> None:
        Path("broken.png").write_bytes(b"\x89PNG\r\n\x1a\nno")
        Path("folder").mkdir()
        marked = mask("m.png")
        outcomes = run([Task(Path(name), marked, Path("x.png")), Task(photo("a.png"), marked, Path("y.png"))])
        assert outcomes[0].error and not outcomes[1].error and not Path("x.png").exists()
        assert json.loads(json.dumps(outcomes[0].record()))["error"].endswith(".")

    def test_a_fault_of_ours_costs_only_its_photo(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(api, "remove", lambda *_, **__: 1 / 0)
        (outcome,) = run([Task(photo("a.png"), mask("m.png"), Path("x.png"))])
        assert "not foreseen" in str(outcome.error)

    @pytest.mark.parametrize("error", [MemoryError(), PermissionError(errno.EACCES, "Permission denied", "x.png")])
    def test_memory_and_permissions_are_sentences(self, error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
        def fail(*_: object, **__: object) -> None:
            raise error

        monkeypatch.setattr(api, "remove", fail)
        (outcome,) = run([Task(photo("a.png"), mask("m.png"), Path("x.png"))])
        assert outcome.error and str(outcome.error).endswith(".")

    def test_a_full_disk_leaves_nothing_behind(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def full(_: int) -> None:
            raise OSError(errno.ENOSPC, "No space left on device")

        task = Task(photo("a.png"), mask("m.png"), Path("out/x.png"))
        monkeypatch.setattr(os, "fsync", full)
        (outcome,) = run([task])
        assert str(outcome.error) == f"{Path('out/x.png')} could not be written: no space left on device."
        assert files("out") == set()

    def test_a_result_of_before_outlives_a_full_disk(self, monkeypatch: pytest.MonkeyPatch) -> None:
        task = Task(photo("a.png"), mask("m.png"), Path("x.png"))
        run([task])
        before = Path("x.png").read_bytes()
        monkeypatch.setattr(os, "fsync", lambda _: os.close(-1))  # raises OSError
        (outcome,) = run([task], Settings(overwrite=True, seed=5))
        assert outcome.error and Path("x.png").read_bytes() == before

    def test_stopping_is_not_a_failure(self) -> None:
        def stop(done: int, total: int) -> None:
            raise Cancelled

        with pytest.raises(Cancelled):
            batch.work(Task(photo("a.png"), mask("m.png"), Path("x.png")), Settings(), stop)
        assert files() == {"a.png", "m.png"}
