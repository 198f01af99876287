"""The Remove tab: the painting surface and, folded away, the method and its settings."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

import gradio as gr
import numpy as np

from rorem import remover
from rorem.errors import Cancelled, RoremError
from rorem.mask_file import read_mask
from rorem.methods import catalog
from rorem.methods.entry import Entry
from rorem.remover import OnStep
from rorem.ui.line import Line
from rorem.ui.painter import decode_mask, painter
from rorem.ui.routes import address, facts
from rorem.ui.session import Session
from rorem.ui.sessions import Gone, Sessions
from rorem.ui.work import ENDED, run

MOST_CANDIDATES = 4
AUTO_GROW = -1


def build(sessions: Sessions, line: Line) -> None:
    """Puts the tab's components into the surrounding Blocks."""
    surface = painter("painter")
    with gr.Accordion("Method and settings", open=False):
        method = gr.Radio(
            [(_label(entry), entry.id) for entry in catalog.ENTRIES],
            value=catalog.default().id,
            label="How the place is filled",
            elem_id="method",
        )
        gr.Markdown("\n".join(f"- **{entry.title}**: {_explained(entry)}" for entry in catalog.ENTRIES))
        with gr.Row():
            count = gr.Slider(1, MOST_CANDIDATES, 1, step=1, label="Versions to make at once", elem_id="versions")
            seed = gr.Number(
                0, precision=0, minimum=0, label="Seed", info="The same seed gives the same result.", elem_id="seed"
            )
            grow = gr.Slider(
                AUTO_GROW,
                60,
                AUTO_GROW,
                step=1,
                label="Reach beyond the marks (photo pixels)",
                info="-1 lets the method choose.",
                elem_id="grow",
            )

    def on_remove(
        event: gr.EventData, method: str, count: float, seed: float | None, grow: float, request: gr.Request
    ) -> Iterator[dict[str, Any]]:
        sent: dict[str, Any] = event._data or {}
        visitor = address(request.request)
        yield from _removal(sessions, line, sent, method, int(count), int(seed or 0), int(grow), visitor)

    surface.remove_marked(
        on_remove,
        [method, count, seed, grow],
        surface,
        show_progress="hidden",
        concurrency_limit=None,
        api_visibility="private",
        queue=True,
    )


def _removal(
    sessions: Sessions,
    line: Line,
    sent: dict[str, Any],
    method: str,
    count: int,
    seed: int,
    grow: int,
    visitor: str,
) -> Iterator[dict[str, Any]]:
    """One press of the button, told to the browser step by step."""
    token = str(sent.get("token"))
    told = {"token": token, "phase": "failed", "text": "", "progress": 0.0}
    try:
        session = sessions.get(token)
        mask, avoid = _marks(sent, session)
    except RoremError as error:
        yield told | {"text": error.advice, "gone": isinstance(error, Gone)}
        return
    cancel = session.begin()
    if cancel is None:
        yield told | {"text": "A removal is already running for this photo."}
        return
    again = bool(sent.get("again"))
    previous = session.version(session.choices[-1]) if again and session.choices else None
    if previous is not None:
        seed = previous.seed + 1

    def job(on_step: OnStep) -> None:
        loaded = catalog.load(method)
        removals = remover.remove(
            session.before() if again else session.picture,
            mask,
            loaded,
            options=catalog.find(loaded.traits.id).parse({}),
            seed=seed,
            candidates=1 if again else min(max(count, 1), MOST_CANDIDATES),
            avoid=avoid,
            grow=None if grow <= AUTO_GROW else grow,
            on_step=on_step,
        )
        if cancel.is_set():  # stopped after the last step: the visitor was told that nothing changed
            raise Cancelled()
        numbers = [session.add(one, again=again or index > 0) for index, one in enumerate(removals)]
        session.choose(numbers[0])

    try:
        for update in run(line, visitor, cancel, job):
            told = {"token": token, **asdict(update)}
            if update.phase == "done":
                told |= {"facts": facts(session), "again": again, "text": _summary(session)}
            if update.phase in ENDED:
                session.end(cancel)  # before it is told: the visitor may press the next button at once
            yield told
    finally:
        session.end(cancel)


def _marks(sent: dict[str, Any], session: Session) -> tuple[np.ndarray, np.ndarray | None]:
    """The marks at the photo's size: what should go, and what must not be copied from."""
    picture = session.picture
    mask, avoid = decode_mask(sent.get("mask")), decode_mask(sent.get("avoid"))
    marked = read_mask(mask or b"", picture.width, picture.height, polarity="white").mask
    if avoid is None:
        return marked, None
    return marked, read_mask(avoid, picture.width, picture.height, polarity="white").mask


def _summary(session: Session) -> str:
    version = session.version(session.state)
    if version is None:
        return "Done."
    wide, high = version.working
    what = catalog.find(version.method).title
    parts = [f"Done in {version.seconds:.1f} s: {what}, seed {version.seed}, worked at {wide} × {high} pixels."]
    return " ".join((*parts, *version.notes))


def _label(entry: Entry) -> str:
    state = entry.state()
    if state.kind == "ready":
        return entry.title
    return f"{entry.title} ({'needs a download' if state.kind == 'download' else 'not on this machine'})"


def _explained(entry: Entry) -> str:
    state = entry.state()
    return entry.summary if state.kind == "ready" else f"{entry.summary} *{state.why}*"
