"""To the Hub: whole or not at all, whatever fails on the way, and never twice."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from data_tools.commands import OnStep
from data_tools.publish import Patience, Published, Wanted, publish, pushing
from data_tools.publish.card import card, is_shard
from data_tools.publish.counts import Counts
from rorem.errors import BadOptions, Cancelled
from rorem.labels.hub_trouble import Conflict, HubTrouble
from rorem.triplet import Triplet, open_set, write_folder, write_shards
from tests.data_tools.publish.hubs import hurried, online, way_to
from tests.hub import TOKEN, Hub
from tests.hub_api import Repository
from tests.triplet.samples import picture, refused, same, triplets

NAME = "someone/pairs"
SMALL = Wanted(max_bytes=6000)  # four shards of seven records


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    with online(monkeypatch) as hub:
        yield hub


@pytest.fixture
def place(tmp_path: Path) -> Path:
    write_folder(triplets(7), tmp_path / "set")
    return tmp_path


def push(
    hub: Hub,
    place: Path,
    wanted: Wanted = SMALL,
    patience: Patience | None = None,
    work: Path | None = None,
    on_step: OnStep = lambda done, total: None,
) -> Published:
    name = str(place / "set")
    return publish(name, NAME, wanted, work, way_to(hub, place), on_step, patience or hurried())


def shards(hub: Hub) -> dict[str, bytes]:
    return {path: data for path, data in hub.files(NAME).items() if path.endswith(".parquet")}


def uploads(hub: Hub) -> int:
    return sum(one.method == "PUT" and one.status == 200 for one in hub.log)


def check_whole(hub: Hub, place: Path, written: list[Triplet] | None = None) -> None:
    """All records once, in their order, and nothing else."""
    written = written or triplets(7)
    assert {path for path in hub.files(NAME) if not is_shard(path, "train")} <= {"README.md", "notes.txt"}
    found = open_set(NAME, way_to(hub, place))
    assert all(same(one, other) for one, other in zip(written, found, strict=True))


def test_a_set_gets_there_byte_for_byte(hub: Hub, place: Path) -> None:
    steps: list[tuple[int, int]] = []
    done = push(hub, place, on_step=lambda *how_far: steps.append(how_far))
    assert (done.shards, done.uploaded, done.changed, done.counts.records) == (4, 4, True, 7)
    assert hub.repositories[NAME].private and steps[-1] == (7, 7) and done.left_out.total == 0
    assert sorted(shards(hub)) == [f"data/train-{n:05}-of-00004.parquet" for n in range(4)]
    check_whole(hub, place)
    assert not list((place / "cache").rglob("*.parquet"))[4:]  # only what reading fetched


def test_nothing_is_done_twice(hub: Hub, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = push(hub, place)
    commits = len(hub.commits(NAME))
    hub.log.clear()
    monkeypatch.setattr(pushing, "cut", None)  # the journal knows what is there
    again = push(hub, place)
    assert (again.uploaded, again.changed, again.commit) == (0, False, first.commit)
    assert uploads(hub) == 0 and len(hub.commits(NAME)) == commits


def test_without_its_journal_the_hub_is_believed(hub: Hub, place: Path) -> None:
    push(hub, place)
    hub.log.clear()
    again = push(hub, place, work=place / "elsewhere")
    assert (again.uploaded, again.changed) == (0, False) and uploads(hub) == 0


@pytest.mark.parametrize("at", [1, 3, 4, 6])
def test_a_stopped_push_shows_nothing_and_goes_on(hub: Hub, place: Path, at: int) -> None:
    def stop(done: int, total: int) -> None:
        if done == at:
            raise Cancelled

    with pytest.raises(Cancelled):
        push(hub, place, on_step=stop)
    assert not shards(hub) and "README.md" not in hub.files(NAME)
    with refused():
        open_set(NAME, way_to(hub, place))
    before = len(hub.large)
    done = push(hub, place)
    assert done.uploaded == 4 - before
    check_whole(hub, place)


def test_a_killed_process_is_taken_up(hub: Hub, place: Path) -> None:
    program = (
        "import os, sys, signal\n"
        "from data_tools.publish import pushing\n"
        "made = []\n"
        "cut = pushing.cut\n"
        "def killed(*some, **more):\n"
        "    made.append(1)\n"
        "    found = cut(*some, **more)\n"
        "    if len(made) == 3: os.kill(os.getpid(), signal.SIGKILL)\n"
        "    return found\n"
        "pushing.cut = killed\n"
        "pushing.publish(sys.argv[1], sys.argv[2], pushing.Wanted(max_bytes=6000))\n"
    )
    settings = {**os.environ, **way_to(hub, place), "HF_HUB_OFFLINE": "0", "HF_HUB_DISABLE_XET": "1"}
    root = Path(__file__).parents[3]
    command = [sys.executable, "-c", program, str(place / "set"), NAME]
    ended = subprocess.run(command, env=settings, cwd=root, capture_output=True, text=True, timeout=120)
    assert ended.returncode == -signal.SIGKILL, ended.stderr
    assert len(hub.large) == 2 and not shards(hub)
    done = push(hub, place)
    assert done.uploaded == 2
    check_whole(hub, place)


def test_the_hub_may_fail_in_every_way(hub: Hub, place: Path) -> None:
    hub.shake(0.3, seed=3)
    waited: list[float] = []
    for _ in range(5):
        try:
            push(hub, place, patience=hurried(waited))
            break
        except (HubTrouble, Conflict):
            continue
    hub.calm()
    push(hub, place)
    files = hub.files(NAME)
    hub.repositories[NAME].commit("without notes", {k: v for k, v in files.items() if not k.startswith("notes/")})
    check_whole(hub, place)
    assert waited and all(0 < seconds <= 120 for seconds in waited)


def test_a_busy_hub_is_given_the_time_it_asks_for(hub: Hub, place: Path) -> None:
    hub.fail(429, "/commit/", times=1, headers={"Retry-After": "77"})
    waited: list[float] = []
    push(hub, place, patience=hurried(waited))
    assert 77 in waited
    check_whole(hub, place)


def test_lost_answers_double_nothing(hub: Hub, place: Path) -> None:
    hub.lose_answer("/commit/", times=2)
    push(hub, place)
    check_whole(hub, place)
    assert sum(title.startswith("train: shard") for title in hub.commits(NAME)) == 4


def test_a_hub_that_stays_broken_is_given_up(hub: Hub, place: Path) -> None:
    hub.fail(503, "/commit/", times=10**6)
    with pytest.raises(HubTrouble, match="fault"):
        push(hub, place, patience=hurried(tries=2))
    assert not shards(hub)
    hub.calm()
    push(hub, place)
    check_whole(hub, place)


def test_a_refused_token_is_told_at_once_and_nowhere(hub: Hub, place: Path) -> None:
    hub.revoke()
    waited: list[float] = []
    with pytest.raises(HubTrouble) as raised:
        push(hub, place, patience=hurried(waited))
    assert waited == [] and TOKEN not in f"{raised.value.advice} {raised.value.detail} {raised.value!r}"
    with pytest.raises(BadOptions, match="HF_TOKEN is not set"):
        publish(str(place / "set"), NAME, environment={"HF_ENDPOINT": hub.url})


def test_others_may_commit_meanwhile(hub: Hub, place: Path) -> None:
    hub.conflict(times=6)
    push(hub, place)
    assert any(path.startswith("notes/") for path in hub.files(NAME)) and len(shards(hub)) == 4


def test_another_set_takes_the_place_of_the_old_one_at_once(hub: Hub, place: Path) -> None:
    push(hub, place)
    old, other = hub.files(NAME), [*triplets(2), *triplets(1, first=50)]
    write_folder(other, place / "new" / "set")

    def stop(done: int, total: int) -> None:
        if done == total:
            raise Cancelled

    with pytest.raises(Cancelled):
        push(hub, place / "new", on_step=stop)
    assert {path: data for path, data in hub.files(NAME).items() if not path.startswith(".incoming/")} == old
    push(hub, place / "new")
    check_whole(hub, place, other)


def test_what_was_lost_there_is_brought_again(hub: Hub, place: Path) -> None:
    push(hub, place)
    hub.repositories[NAME].commit("emptied", {})
    hub.large.clear()
    assert push(hub, place).uploaded == 4
    check_whole(hub, place)


def test_a_picture_of_the_same_size_is_noticed_when_its_shard_is_made_again(hub: Hub, place: Path) -> None:
    (place / "set/meta.json").unlink()  # which knows the hashes
    push(hub, place)
    file = place / "set/source/photo 6.jpg"
    data = bytearray(file.read_bytes())
    data[-3] ^= 1
    file.write_bytes(data)
    hub.repositories[NAME].commit("emptied", {})
    push(hub, place)
    found = open_set(NAME, way_to(hub, place))
    assert [one.source for one in found] == [*(one.source for one in triplets(6)), bytes(data)]  # type: ignore


def test_splits_live_side_by_side(hub: Hub, place: Path) -> None:
    push(hub, place)
    write_folder(triplets(2, first=20), place / "held" / "set")
    push(hub, place / "held", replace(SMALL, split="test"))
    assert sum(is_shard(path, "test") for path in hub.files(NAME)) == 1 and len(shards(hub)) == 5
    text = hub.files(NAME)["README.md"].decode()
    assert "path: data/train-*.parquet" in text and "path: data/test-*.parquet" in text
    assert text.count("<!-- rorem:set") == 2
    assert len(open_set(f"{NAME}/data/test", way_to(hub, place))) == 2


def test_nothing_private_becomes_public_by_itself(hub: Hub, place: Path) -> None:
    hub.repositories[NAME] = Repository(private=False)
    with pytest.raises(BadOptions, match="Everybody can see"):
        push(hub, place)
    assert not hub.files(NAME) and not hub.large
    push(hub, place, replace(SMALL, public=True))
    check_whole(hub, place)


def test_a_data_set_of_labels_is_left_alone(hub: Hub, place: Path) -> None:
    hub.repositories[NAME] = Repository(private=True)
    hub.put(NAME, {"README.md": b"<!-- rorem:labels -->\nours\n<!-- rorem:end -->"})
    with pytest.raises(BadOptions, match="labels"):
        push(hub, place)
    assert not hub.large


def test_bad_records_are_left_out_and_remembered(hub: Hub, place: Path) -> None:
    (place / "set/mask/photo 3.png").unlink()
    for _ in range(2):
        done = push(hub, place)
        assert done.left_out.counts == {"could not be read": 1} and done.counts.records == 6
        assert "photo 3" in done.left_out.examples["could not be read"][0]


def test_the_card_tells_what_is_in_it(hub: Hub, place: Path) -> None:
    odd = [
        replace(one, method="lama", round=2, accepted_by="judge", category="a|b <i>\n", licence="CC0-1.0", author="Ada")
        for one in triplets(3)
    ]
    write_folder(odd, place / "odd" / "set")
    push(hub, place / "odd", replace(SMALL, licence="cc-by-4.0"))
    text = hub.files(NAME)["README.md"].decode()
    assert "license: cc-by-4.0" in text and "3 records" in text and "| CC0-1.0 | 3 | 100.0 % |" in text
    assert "| lama | 3 |" in text and "| judge | 3 |" in text and r"| a\|b \<i\>  | 3 |" in text
    by_hand = text.replace("# pairs", "# pairs\n\nWritten by hand.").replace("3 records", "old")
    counts = Counts()
    counts.add(triplets(1)[0])
    after = card(by_hand, NAME, "train", ["data/train-00000-of-00001.parquet"], counts)
    assert "Written by hand." in after and "old" not in after and "license: cc-by-4.0" in after
    assert card(after, NAME, "train", ["data/train-00000-of-00001.parquet"], counts) == after


def test_a_round_tells_its_numbers(hub: Hub, place: Path) -> None:
    from data_tools.round import make
    from data_tools.round.making import Inputs

    truths = [replace(one, accepted_by="truth", truth=picture(n)) for n, one in enumerate(triplets(3))]
    write_shards(truths, place / "start")
    made = place / "round" / "set"
    make(made, Inputs(previous=(str(place / "start"),)), cache=place / "index")
    push(hub, place / "round")
    text = hub.files(NAME)["README.md"].decode()
    assert "How the round came about" in text and "3 pairs: 3 by their truth" in text
    assert str(place) not in text  # where sets lay on a disk is nobody's business


def test_the_library_reads_it_as_it_is(hub: Hub, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    push(hub, place)
    program = (
        "from datasets import load_dataset\n"
        f"found = load_dataset('{NAME}', split='train')\n"
        "print(len(found), found[0]['source'].size, found.features['mask'], found[1]['result'].mode)\n"
    )
    settings = {**os.environ, **way_to(hub, place), "HF_HUB_OFFLINE": "0", "HF_HUB_DISABLE_XET": "1"}
    settings |= {"HF_HOME": str(place / "home"), "HF_HUB_CACHE": str(place / "home/hub")}
    ended = subprocess.run([sys.executable, "-c", program], env=settings, capture_output=True, text=True, timeout=120)
    assert ended.stdout.split() == ["7", "(24,", "16)", "Image(mode=None,", "decode=True)", "RGB"], ended.stderr[-2000:]
