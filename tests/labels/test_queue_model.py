"""The queue against a model of it in plain Python, through any order of events."""

from __future__ import annotations

import random
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from unittest import mock

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from rorem.errors import BadData
from rorem.labels.event import VERDICTS, is_id
from rorem.labels.identity import NotAllowed
from rorem.labels.plan import Plan
from rorem.labels.queue import Queue
from rorem.labels.store import Store
from rorem.labels.verify import verify
from tests.labels.postgres import Server
from tests.labels.samples import ANNA, BERT, CARL, Clock, everything, fill, state_of

PLAN = Plan(slice_share=0.4, gold=0.15, repeats=0.15, distance=2, timeout=60.0, most_answers=5, skips=2)
PEOPLE = (ANNA, BERT, CARL)
people = st.sampled_from(PEOPLE)


@dataclass
class Item:
    wanted: int
    gold: bool = False
    reported: bool = False
    closed: bool = False
    answers: list[str] = field(default_factory=list)  # that count
    reporters: set[str] = field(default_factory=set)

    def settle(self) -> None:
        given = [one for one in self.answers if one != "skip"]
        leading = max((given.count(one) for one in given), default=0)
        if 1 < self.wanted <= len(given) and leading < PLAN.clear * len(given) and self.wanted + 2 <= PLAN.most_answers:
            self.wanted += 2
        self.closed = len(given) >= self.wanted or self.answers.count("skip") >= PLAN.skips


@dataclass
class Lent:
    who: str
    item: str
    counts: bool
    until: float
    status: str = "out"
    said: str = ""


class Machine(RuleBasedStateMachine):
    address = ""  # of PostgreSQL; else SQLite in a folder

    def __init__(self) -> None:
        super().__init__()
        # The annotators' seeds: hypothesis needs the same steps to have the same outcome.
        self.seeds = mock.patch("rorem.labels.lending.secrets.randbits", random.Random(1).getrandbits)
        self.seeds.start()
        self.folder = tempfile.TemporaryDirectory()
        self.store = Store(self.address or f"sqlite:///{self.folder.name}/labels.db", Path(self.folder.name))
        self.clock = Clock()
        self.queue = Queue(self.store, PLAN, self.clock)
        self.items: dict[str, Item] = {}
        self.lent: dict[str, Lent] = {}
        self.order: dict[str, list[str]] = {who: [] for who in PEOPLE}  # hand-outs in the order of their answers
        self.written = 0

    def teardown(self) -> None:
        try:
            assert verify(self.store) == []
        finally:
            self.seeds.stop()
            self.store.close()
            self.folder.cleanup()

    @initialize(count=st.integers(1, 6), known=st.integers(0, 2))
    def begin(self, count: int, known: int) -> None:
        base = len(self.items)
        for number in range(count + known):
            gold = "yes" if number >= count else ""
            (id,) = fill(self.store, 1, PLAN, first=base + number, gold=gold, origin="a set")
            self.items[id] = Item(PLAN.wanted(id), bool(gold))

    @rule(number=st.integers(100, 110))
    def one_more(self, number: int) -> None:
        (id,) = fill(self.store, 1, PLAN, first=number, origin="a set")
        self.items.setdefault(id, Item(PLAN.wanted(id)))

    @rule(who=people, most=st.integers(0, 3))
    def takes(self, who: str, most: int) -> None:
        self.expire()
        found = self.queue.lent(who, most)
        assert len(found) <= most and len({one.item for one in found}) == len(found)
        now = self.clock.now
        for one in found:
            known = self.lent.get(one.id)
            if known is not None:
                assert known.who == who and known.item == one.item and known.status in ("out", "expired")
                if known.status == "expired":
                    assert not known.counts or self.need(one.item) > 0
                    known.status, known.until = "out", now + PLAN.timeout
                continue
            before = [lent for lent in self.lent.values() if (lent.who, lent.item) == (who, one.item)]
            item = self.items[one.item]
            counts = not item.gold and not before
            if before:  # a repeat: of something that was said once
                assert len(before) == 1 and before[0].counts and before[0].said in ("yes", "no")
            elif not item.gold:
                assert self.need(one.item) > 0
            assert not item.reported
            self.lent[one.id] = Lent(who, one.item, counts, now + PLAN.timeout)
        if len(found) < most:
            seen = {lent.item for lent in self.lent.values() if lent.who == who}
            assert not [id for id in self.items if id not in seen and self.need(id) > 0], "something is left"

    @precondition(lambda self: self.lent)
    @rule(data=st.data(), verdict=st.sampled_from((*VERDICTS["judgement"], "yes")), who=st.none() | people)
    def answers(self, data: st.DataObject, verdict: str, who: str | None) -> None:
        id = data.draw(st.sampled_from(list(self.lent)))
        lent = self.lent[id]
        if who is not None and who != lent.who:
            with pytest.raises(NotAllowed):
                self.queue.answer(id, who, verdict)
            return
        if lent.status == "dropped" or (lent.status == "answered" and lent.said != verdict):
            with pytest.raises(BadData):
                self.queue.answer(id, lent.who, verdict)
            return
        event = self.queue.answer(id, lent.who, verdict)
        assert (event.item, event.verdict, event.handout) == (lent.item, verdict, id)
        if lent.status == "answered":
            return
        self.written += 1
        lent.status, lent.said = "answered", verdict
        self.order[lent.who].append(id)
        if lent.counts:
            self.items[lent.item].answers.append(verdict)
            self.items[lent.item].settle()

    @rule(who=people)
    def takes_back(self, who: str) -> None:
        there = [id for id in self.order[who] if not self.items[self.lent[id].item].reported]
        found = self.queue.undo(who)
        if not there:
            assert found is None
            return
        last = self.lent[there[-1]]
        assert found is not None and is_id(found.id) and found.item == last.item and found.id not in self.lent
        self.written += 1
        self.order[who].remove(there[-1])
        if last.counts:
            self.items[last.item].answers.remove(last.said)
            self.items[last.item].settle()
        last.status, last.said = "dropped", ""
        self.lent[found.id] = Lent(who, found.item, last.counts, self.clock.now + PLAN.timeout)

    @precondition(lambda self: self.lent)
    @rule(data=st.data())
    def reports(self, data: st.DataObject) -> None:
        id = data.draw(st.sampled_from(list(self.lent)))
        lent, item = self.lent[id], self.items[self.lent[id].item]
        self.queue.report(id, lent.who)
        if lent.who in item.reporters:
            return
        item.reporters.add(lent.who)
        item.reported = True
        if lent.status in ("out", "expired"):
            lent.status = "dropped"

    @rule(seconds=st.sampled_from((1.5, 30.0, 61.0)))
    def waits(self, seconds: float) -> None:
        self.clock.now += seconds

    def expire(self) -> None:
        for lent in self.lent.values():
            if lent.status == "out" and lent.until < self.clock.now:
                lent.status = "expired"

    def need(self, id: str) -> int:
        item = self.items[id]
        if item.gold or item.reported or item.closed:
            return 0
        given = len([one for one in item.answers if one != "skip"])
        out = sum(lent.counts and lent.item == id and lent.status == "out" for lent in self.lent.values())
        return max(0, item.wanted - given - out)

    @invariant()
    def counts_agree(self) -> None:
        assert self.store.count() == self.written
        for id, item in self.items.items():
            row = state_of(self.store, id)
            for name in VERDICTS["judgement"]:
                assert row["skips" if name == "skip" else name] == item.answers.count(name)
            assert row["wanted"] == item.wanted and (row["state"] == "reported") == item.reported
            assert item.gold or item.reported or (row["state"] == "closed") == item.closed
        for who in PEOPLE:
            assert self.queue.progress(who).done == len(self.order[who])


QUICK = settings(
    max_examples=25,
    stateful_step_count=25,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


def test_the_queue_does_what_the_model_does() -> None:
    run_state_machine_as_test(Machine, settings=QUICK)


def test_the_queue_does_what_the_model_does_on_postgresql(postgres: Server) -> None:
    class OnServer(Machine):
        def __init__(self) -> None:
            self.address = postgres.new_database()
            super().__init__()

    run_state_machine_as_test(OnServer, settings=settings(QUICK, max_examples=6))


@pytest.mark.soak
@pytest.mark.timeout(1800)
def test_the_queue_does_what_the_model_does_for_long() -> None:
    run_state_machine_as_test(Machine, settings=settings(QUICK, max_examples=150, stateful_step_count=60))


def test_the_model_has_something_to_say() -> None:
    """Counts what is written in a plain run: the machine is not idle."""
    machine = Machine()
    machine.begin(count=3, known=1)
    machine.takes(ANNA, 2)
    assert len(machine.lent) == 2
    for id in list(machine.lent):
        machine.queue.answer(id, ANNA, "yes")
    assert len(everything(machine.store)) == 2
    machine.teardown()
