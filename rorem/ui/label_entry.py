"""Who enters: a nickname behind the operator's pass phrase, or, on a Space, whoever logged in to Hugging Face.

What comes out is a pseudonym. The name is not kept, logged or sent back.
"""

from __future__ import annotations

import hmac
import importlib.util
import threading
import time
import unicodedata
from collections import OrderedDict
from collections.abc import Callable, Mapping

from starlette.requests import Request

from rorem.errors import BadOptions, RoremError
from rorem.labels.identity import LONGEST_NAME, NotAllowed

TRIES = 5  # wrong pass phrases from one address, then it has to wait
WAIT = 60.0  # s
REMEMBERED = 10_000  # addresses
JOINING = " -_.'"  # what a nickname may have between letters and digits


class TooMany(RoremError):
    """Somebody guesses."""

    fix = "Wait a minute and try again."


def login_works(environment: Mapping[str, str]) -> bool:
    """Whether visitors can log in with Hugging Face: on a Space that asks for it in its README."""
    told = environment.get("SPACE_ID") and environment.get("OAUTH_CLIENT_ID")
    return bool(told) and all(importlib.util.find_spec(name) for name in ("authlib", "itsdangerous"))


def logged_in(request: Request, now: Callable[[], float] = time.time) -> str:
    """The Hugging Face name of whoever sent this; "" for nobody."""
    told = request.scope.get("session", {}).get("oauth_info") or {}
    if (ends := told.get("expires_at")) is not None and ends < now():
        return ""
    return str(told.get("userinfo", {}).get("preferred_username") or "")


def nickname(told: object) -> str:
    """The name as it counts: the same for the same letters on every keyboard. Raises BadOptions."""
    advice = f"Letters and digits, up to {LONGEST_NAME} of them."
    if not isinstance(told, str) or len(told) > 4 * LONGEST_NAME:
        raise BadOptions("This is not a nickname.", advice)
    name = " ".join(unicodedata.normalize("NFKC", told).split())
    if not name:
        raise BadOptions("Choose a nickname.", advice)
    plain = all(sign.isalnum() or unicodedata.category(sign).startswith("M") or sign in JOINING for sign in name)
    if len(name) > LONGEST_NAME or not plain or not name[0].isalnum():
        raise BadOptions("This is not a nickname.", advice)
    return name


class Gate:
    """Asks for the pass phrase, and slows down who guesses. May be used from any thread."""

    def __init__(self, phrase: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._phrase = phrase.strip().encode()
        self._clock = clock
        self._lock = threading.Lock()
        self._wrong: OrderedDict[str, list[float]] = OrderedDict()

    @property
    def asks(self) -> bool:
        return bool(self._phrase)

    def check(self, told: object, address: str) -> None:
        """Raises NotAllowed for a wrong phrase, TooMany after some of them from one address."""
        if not self._phrase:
            return
        now = self._clock()
        with self._lock:
            lately = [at for at in self._wrong.get(address, []) if at > now - WAIT]
            if len(lately) >= TRIES:
                raise TooMany("There were too many wrong pass phrases.")
            right = isinstance(told, str) and hmac.compare_digest(told.strip().encode("utf-8", "replace"), self._phrase)
            if right:
                self._wrong.pop(address, None)
                return
            self._wrong[address] = [*lately, now]
            self._wrong.move_to_end(address)
            while len(self._wrong) > REMEMBERED:
                self._wrong.popitem(last=False)
        raise NotAllowed("This is not the pass phrase.", "Ask whoever invited you.")
