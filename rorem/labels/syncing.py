"""The syncer: a thread that brings answers to the data set on the Hub every few minutes, and says how far it is."""

from __future__ import annotations

import logging
import random
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace

from sqlalchemy import Connection, select

from rorem.errors import BadOptions, RoremError
from rorem.labels import hub_losses, push_plan, restore
from rorem.labels.database import CannotSave
from rorem.labels.hub_repository import PATIENCE, HubRepository, limit_waiting
from rorem.labels.hub_trouble import HubTrouble, NoRepository, scrubbed
from rorem.labels.items import Pictures
from rorem.labels.lease import lease, new_holder
from rorem.labels.plan import Plan
from rorem.labels.push_plan import Counts
from rorem.labels.pushing import Pusher
from rorem.labels.sql import insert_into
from rorem.labels.store import Store
from rorem.labels.tables import facts

log = logging.getLogger(__name__)
MINUTES = 5.0  # between two pushes
FIRST_PAUSE, LONGEST_PAUSE = 5.0, 900.0  # s after a failure; doubled each time
REFUSED_PAUSE = 3600.0  # s; a refused token does not get better by itself
TURN = 5.0  # s to the next look, while another process fetches earlier answers
FRESH = 1.0  # s for which counts are taken to be true; more where counting takes long
SHARE = 20  # of the time goes into counting, at most one in so many parts
REPO, LAST, TROUBLE = "hub_repo", "hub_last_push", "hub_trouble"  # facts, so that all servers tell the same
NO_TOKEN = "HF_TOKEN is not set, so they stay on this server."


@dataclass(frozen=True)
class SyncStatus:
    """safe: answers in the database; undos are not counted. waiting: of these, not yet on the Hub. kept_here: of these,
    about removals that are private, held, reported or refused; they stay here on purpose.

    sentence: all of it in words, with what is wrong. last_push_ms: since 1970; None = never. restoring: answers are
    being fetched from the Hub after a fresh start. trouble: what is wrong, or "". elsewhere: nothing was pushed since
    another process was at it.
    """

    safe: int
    waiting: int
    kept_here: int
    sentence: str
    last_push_ms: int | None
    repo: str
    restoring: bool = False
    trouble: str = ""
    elsewhere: bool = False


class Syncer:
    """One for each running app. Several apps with the same database agree on one of them that pushes."""

    def __init__(
        self,
        store: Store,
        pictures: Pictures,
        plan: Plan,
        repo: str,
        token: str,
        *,
        public: bool = False,
        minutes: float = MINUTES,
        licence: str = "other",
        endpoint: str = "",
        patience: float = PATIENCE,
        clock: Callable[[], float] = time.time,
        chance: random.Random | None = None,
        most_events: int = 10_000,
    ) -> None:
        """repo: owner/name. token: "" = nothing is pushed. public: when the data set has to be created.

        licence: of the data set, as the Hub calls it; photos have their own. Asks nobody anything, so it needs no
        network. Raises BadOptions for a name that is none.
        """
        self._store = store
        self._plan = plan
        self._repository = HubRepository(repo, token, public=public, endpoint=endpoint, patience=patience)
        self._token = token
        self._patience = patience
        self._clock = clock
        self._chance = chance or random.Random()
        self._pause = minutes * 60
        self._pusher = Pusher(store, pictures, self._repository, self._now, licence=licence, most_events=most_events)
        self._holder = new_holder()
        self._busy = threading.Lock()
        self._wake = threading.Event()
        self._over = threading.Event()
        self._thread: threading.Thread | None = None
        self._failures = 0
        self._trouble = ""  # of this process; used where it cannot be written down
        self._elsewhere = False
        self._restoring = False
        self._opened = threading.Event()
        self._counted: tuple[float, Counts] | None = None

    def __repr__(self) -> str:
        return f"Syncer({self._repository.name!r})"

    def start(self) -> None:
        """Begins to push in the background. Does nothing without a token, and the second time."""
        if not self._token or self._thread is not None:
            return
        self._thread = threading.Thread(target=self._run, name="labels-hub", daemon=True)
        self._thread.start()

    def stop(self, timeout: float = 10.0) -> None:
        """Ends after a last push, or after `timeout` seconds; what is left is pushed after the next start."""
        self._over.set()
        self._wake.set()
        if self._thread is not None:
            self._thread.join(timeout)

    def wake(self) -> None:
        """Has the thread push soon, as after a withdrawal, and does not wait for it."""
        self._wake.set()

    def is_open(self, timeout: float) -> bool:
        """Whether earlier answers are here, or could not be fetched at the first try; waits `timeout` seconds for that.

        Who hands out removals before asks people again what they said already. After a first failure it has to do.
        """
        return self._thread is None or self._opened.wait(timeout)

    def push_now(self) -> SyncStatus:
        """Pushes in the calling thread, whatever the pause, and says how it went. Raises CannotSave."""
        if self._token:
            self._round()
        self._counted = None
        return replace(self.status(), elsewhere=self._elsewhere)

    def status(self) -> SyncStatus:
        """How far it is. Counts may be a second old. Raises CannotSave where the database cannot be read."""
        counts = self._counts()
        told, missing = self._store.read(lambda connection: (_facts(connection), hub_losses.missing(connection)))
        trouble = told.get(TROUBLE) or self._trouble
        last = told.get(LAST)
        return SyncStatus(
            counts.safe,
            counts.waiting,
            counts.kept_here,
            self._sentence(counts, missing, trouble),
            int(last) if last else None,
            self._repository.name,
            self._restoring,
            trouble,
        )

    def _sentence(self, counts: Counts, missing: int, trouble: str) -> str:
        safe = f"{counts.safe} answer{'' if counts.safe == 1 else 's'} safe here"
        if not self._token:
            return f"{safe}. {NO_TOKEN}"
        parts = [f"{safe}, {counts.waiting} not yet on the Hub."]
        if counts.kept_here:
            stay = "stays" if counts.kept_here == 1 else "stay"
            parts = [f"{safe}, {counts.waiting} waiting for the Hub, {counts.kept_here} {stay} here on purpose."]
        if missing:
            files = "1 file that was pushed is" if missing == 1 else f"{missing} files that were pushed are"
            parts.append(f"{files} no longer on the Hub.")
        if self._restoring:
            parts.append("Earlier answers are being fetched from the Hub.")
        return " ".join([*parts, *([trouble] if trouble else [])])

    def _counts(self) -> Counts:
        if self._counted is not None and time.monotonic() < self._counted[0]:
            return self._counted[1]
        began = time.monotonic()
        counts = self._store.read(push_plan.counts)
        ended = time.monotonic()
        self._counted = (ended + max(FRESH, SHARE * (ended - began)), counts)
        return counts

    def _run(self) -> None:
        while not self._over.is_set():
            pause = self._round()
            self._wake.wait(pause)
            self._wake.clear()
        if not self._failures:
            self._round()

    def _round(self) -> float:
        """Pushes all that waits; the seconds until the next time. Never raises, for nobody would hear it."""
        with self._busy:
            try:
                limit_waiting(self._patience)
                with lease(self._store, self._holder, self._now) as mine:
                    self._elsewhere = not mine
                    if mine:
                        self._all()
                    elif restore.is_wanted(self._store):
                        if self._store.count():  # people were at it already, as before a crash: they go on
                            self._opened.set()
                        return TURN
                self._opened.set()
                self._trouble = ""
                self._failures = 0
                return self._pause
            except RoremError as error:
                return self._failed(error, getattr(error, "detail", ""))
            except ImportError:
                fix = "pip install 'rorem[labels]' brings it."
                return self._failed(BadOptions("Pushing needs the package huggingface_hub.", fix), "")
            except Exception as error:
                return self._failed(HubTrouble("The answers could not be pushed."), f"{type(error).__name__}: {error}")

    def _all(self) -> None:
        known = self._store.read(_facts).get(REPO)
        if known and known != self._repository.name:
            raise BadOptions(
                f"These answers belong to the data set {known}.", "Use another label folder for another one."
            )
        if restore.is_wanted(self._store):
            self._restoring = True
            with suppress(NoRepository):  # nothing was pushed yet, or the token may not read it: it is asked again
                back = restore.restore(self._store, self._plan, self._repository, self._now)
                if back != restore.Restored():
                    self._note({REPO: self._repository.name})
        self._restoring = False
        self._opened.set()
        pushed = False
        while self._pusher.push():
            pushed = True
        told = {TROUBLE: "", **({REPO: self._repository.name, LAST: str(self._now())} if pushed else {})}
        self._note(told)

    def _failed(self, error: RoremError, detail: str) -> float:
        self._failures += 1
        self._opened.set()
        told = str(error) if isinstance(error, HubTrouble) and not error.refused else error.advice
        self._trouble = scrubbed(told, self._token)
        log.warning("%s %s", scrubbed(error.advice, self._token), scrubbed(detail, self._token))
        try:
            self._note({TROUBLE: self._trouble})
        except CannotSave as worse:
            log.warning("%s", worse)
        if isinstance(error, HubTrouble) and error.refused:
            return REFUSED_PAUSE * self._chance.uniform(0.75, 1.0)
        pause = min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** min(self._failures - 1, 20)) * self._chance.uniform(0.5, 1.0)
        return max(pause, getattr(error, "wait", 0.0))

    def _note(self, told: dict[str, str]) -> None:
        def write(connection: Connection) -> None:
            for name, value in told.items():
                put = insert_into(connection, facts).values(name=name, value=value)
                connection.execute(put.on_conflict_do_update(index_elements=["name"], set_={"value": value}))

        self._store.write(write)

    def _now(self) -> int:
        return int(self._clock() * 1000)


def _facts(connection: Connection) -> dict[str, str]:
    wanted = select(facts).where(facts.c.name.in_((REPO, LAST, TROUBLE)))
    return {row["name"]: row["value"] for row in connection.execute(wanted).mappings()}
