"""What a researcher wants to know of a removal and cannot see, as plain values for JSON. Every list says it alike."""

from __future__ import annotations

from rorem.remover.removal import Removal


def facts(removal: Removal) -> dict[str, object]:
    """protocol, revision and network_calls; where there is something to say also memory (the rung of the ladder), score
    and drift."""
    told = {
        "protocol": removal.protocol,
        "revision": removal.revision,
        "network_calls": removal.network_calls,
        "memory": removal.rung or None,
        "score": removal.score,
        "drift": removal.drift,
    }
    return {name: value for name, value in told.items() if value is not None}


def windows(removal: Removal) -> list[dict[str, object]]:
    """Each window as left, top, right, bottom, working (width and height) and grow; all in px."""
    return [
        {**window.box._asdict(), "working": list(window.working), "grow": window.grow} for window in removal.windows
    ]
