"""The methods as the Compare tab lists them, and fetching the weights of those that lack them."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rorem import weights
from rorem.errors import Cancelled, RoremError
from rorem.methods import catalog
from rorem.methods.entry import Entry
from rorem.weights import ByHand, OnBytes, Part

log = logging.getLogger(__name__)
Pull = Callable[[Part, OnBytes], Path]
OTHER = "Another download is under way."
UNEXPECTED = "The download failed. The server's log tells why."


@dataclass(frozen=True)
class Under:
    """A download. error: one sentence once it has failed."""

    method: str
    text: str = "Starting…"
    progress: float = 0.0
    running: bool = True
    error: str = ""


class Downloads:
    """Fetches what methods lack, one at a time, in the background; or only lists them, where that is not allowed."""

    def __init__(self, allowed: bool, pull: Pull = weights.pull) -> None:
        self._allowed = allowed
        self._pull = pull
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._now: Under | None = None

    def methods(self) -> list[dict[str, Any]]:
        """Every method for the page: whether it is ready, else why not, and how its weights can be had."""
        return [self._told(entry) for entry in catalog.ENTRIES]

    def start(self, id: str) -> None:
        """Begins to fetch the weights of a method. Raises RoremError if that cannot be done here and now."""
        entry = self._permitted(id)
        parts = entry.missing()
        if by_hand(parts):
            raise RoremError(pages(parts))
        with self._lock:
            if self._now is not None and self._now.running:
                raise RoremError(OTHER, "Wait for it or stop it.")
            self._stop = threading.Event()
            self._now = Under(id)
            work = threading.Thread(target=self._fetch, args=(id, parts, self._stop), name="rorem-weights", daemon=True)
            try:
                work.start()
            except RuntimeError as error:
                self._now = None
                raise RoremError(UNEXPECTED) from error

    def stop(self, id: str) -> None:
        """Ends the download for a method, if it is under way; what came so far is kept, and the next one goes on there.

        Raises RoremError where visitors may not download, and for an unknown method.
        """
        self._permitted(id)
        with self._lock:
            if self._now is not None and self._now.method == id:
                self._stop.set()

    def close(self) -> None:
        """Ends whatever is under way."""
        self._stop.set()

    def _permitted(self, id: str) -> Entry:
        entry = catalog.find(id)
        if not self._allowed:
            raise RoremError("This server does not download weights for visitors.", command(id))
        return entry

    def _fetch(self, id: str, parts: Sequence[Part], stop: threading.Event) -> None:
        error = ""

        def on_bytes(done: int, total: int | None, name: str) -> None:
            if stop.is_set():
                raise Cancelled("Stopped.")
            text = f"{name}: {amount(done)}" + (f" of {amount(total)}" if total else "")
            self._now = Under(id, text, done / total if total else 0.0)

        try:
            for part in parts:
                self._pull(part, on_bytes)
        except Cancelled:
            error = "Stopped. The next download goes on from there."
        except RoremError as refused:
            error = refused.advice
        except Exception:  # the visitor reads a sentence, the operator the log
            log.exception("the weights of %s could not be fetched", id)
            error = UNEXPECTED
        self._now = Under(id, "", 1.0, False, error)

    def _told(self, entry: Entry) -> dict[str, Any]:
        state, now = entry.state(), self._now
        missing = entry.missing() if state.kind == "download" else ()
        told: dict[str, Any] = {
            "id": entry.id,
            "title": entry.title,
            "summary": entry.summary,
            "state": state.kind,
            "why": state.why if state.kind == "unavailable" else "",
            "seeded": entry.traits.seeded,
            "settings": settings(entry),
        }
        if missing:
            offered = self._allowed and not by_hand(missing)
            told["why"] = (
                "" if offered else f"Its weights are not on this {'machine' if self._allowed else 'server'} yet."
            )
            told["download"] = "offer" if offered else "tell"
            told["size"] = amount(state.bytes) if state.bytes else ""
            told["how"] = pages(missing) if by_hand(missing) else command(entry.id)
        if now is not None and now.method == entry.id:
            told["fetching"] = {"text": now.text, "progress": now.progress, "running": now.running, "error": now.error}
        return told


def settings(entry: Entry) -> list[dict[str, Any]]:
    """The settings of a method, as the page makes fields of them."""
    fields: Mapping[str, Mapping[str, Any]] = entry.options.model_json_schema().get("properties", {})
    return [
        {
            "name": name,
            "title": schema.get("title", name),
            "about": schema.get("description", ""),
            "default": schema.get("default"),
            "choices": schema.get("enum"),
            "least": schema.get("minimum"),
            "most": schema.get("maximum"),
            "whole": schema.get("type") == "integer",
        }
        for name, schema in fields.items()
    ]


def by_hand(parts: Sequence[Part]) -> list[Part]:
    return [part for part in parts if isinstance(part.source, ByHand)]


def pages(parts: Sequence[Part]) -> str:
    """Where what only a person can download lies."""
    told = (
        f"{part.about[0].upper()}{part.about[1:]} can only be downloaded by hand, from {part.source.page}."
        for part in parts
        if isinstance(part.source, ByHand)
    )
    return " ".join(told)


def command(id: str) -> str:
    return f"rorem weights pull {id}"


def amount(count: int) -> str:
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{max(1, round(count / 1e6))} MB"
