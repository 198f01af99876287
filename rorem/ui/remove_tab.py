"""The Remove tab: what the button on the painting surface does and, folded away, the method and its settings."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

import gradio as gr

from rorem import judge, remover
from rorem.errors import Cancelled, RoremError
from rorem.methods import catalog
from rorem.methods.entry import Entry
from rorem.remover import OnStep
from rorem.ui import zero_gpu
from rorem.ui.controls import controls
from rorem.ui.facts import facts
from rorem.ui.line import Line
from rorem.ui.marks import marks
from rorem.ui.painter import decode_mask
from rorem.ui.session import AT_WORK, Session
from rorem.ui.sessions import Gone, Sessions
from rorem.ui.tabs import only_in
from rorem.ui.visitor import address
from rorem.ui.work import ENDED, run

MOST_CANDIDATES = 4
AUTO_GROW = -1
WIDEST_GROW = 60  # photo pixels; whoever needs more paints more


@dataclass(frozen=True)
class Wish:
    """What the visitor chose beside the marks. grow: px, or None for the method's own choice."""

    method: str
    settings: dict[str, object]
    candidates: int = 1
    seed: int = 0
    grow: int | None = None


def build(surface: gr.HTML, sessions: Sessions, line: Line, chosen: str | None = None) -> None:
    """Puts the tab's components into the surrounding Blocks. surface: the painter, which all tabs share.

    chosen: the method that is set, None = the default.

    Raises Unavailable for a method that is not there.
    """
    with gr.Accordion("Method and settings", open=False, elem_classes=only_in("remove")):
        method = gr.Radio(
            [(_label(entry), entry.id) for entry in catalog.ENTRIES],
            value=catalog.find(chosen).id if chosen else catalog.default().id,
            label="How the place is filled",
            elem_id="method",
        )
        about = gr.Markdown(_explained(catalog.find(method.value)), elem_id="about-method")
        with gr.Row():
            count = gr.Slider(1, MOST_CANDIDATES, 1, step=1, label="Versions to make at once", elem_id="versions")
            seed = gr.Number(0, precision=0, label="Seed", info="The same seed gives the same result.", elem_id="seed")
            grow = gr.Slider(
                AUTO_GROW,
                WIDEST_GROW,
                AUTO_GROW,
                step=1,
                label="Reach beyond the marks, in photo pixels",
                info="-1 lets the method choose.",
                elem_id="grow",
            )
        groups = {entry.id: controls(entry, shown=entry.id == method.value) for entry in catalog.ENTRIES}
    method.change(
        lambda chosen: [_explained(catalog.find(chosen)), *(gr.Group(visible=id == chosen) for id in groups)],
        method,
        [about, *(group for group, _ in groups.values())],
        show_progress="hidden",
        api_visibility="private",
    )
    names = [(id, name) for id, (_, fields) in groups.items() for name in fields]

    def on_remove(
        event: gr.EventData, request: gr.Request, method: str, count: float, seed: float | None, grow: float, *rest: Any
    ) -> Iterator[dict[str, Any]]:
        settings = {name: value for (id, name), value in zip(names, rest, strict=True) if id == method}
        reach = None if grow <= AUTO_GROW else int(grow)
        wish = Wish(method, settings, min(max(int(count), 1), MOST_CANDIDATES), int(seed or 0), reach)
        yield from removal(sessions, line, event._data or {}, wish, address(request.request))

    surface.remove_marked(
        on_remove,
        [method, count, seed, grow, *(field for _, fields in groups.values() for field in fields.values())],
        surface,
        show_progress="hidden",
        concurrency_limit=None,
        api_visibility="private",
    )


def removal(sessions: Sessions, line: Line, sent: dict[str, Any], wish: Wish, visitor: str) -> Iterator[dict[str, Any]]:
    """One press of the button, told to the browser step by step.

    sent: {token, press, again, mask, avoid} from the page. Yields dicts with phase, text and progress; the last one is
    done, stopped or failed, and the photo is free again before it is told.
    """
    head = {"token": sent.get("token"), "press": sent.get("press")}
    failed = {**head, "phase": "failed", "progress": 0.0}
    try:
        session = sessions.get(str(sent.get("token")))
        mask, avoid = marks(sent, session, sessions.limits)
    except RoremError as error:
        yield {**failed, "text": error.advice, "gone": isinstance(error, Gone)}
        return
    cancel = session.begin()
    if cancel is None:
        yield {**failed, "text": AT_WORK}
        return
    last = session.version(session.choices[-1]) if sent.get("again") and session.choices else None

    def job(on_step: OnStep) -> None:
        method, options = zero_gpu.prepare(wish.method, wish.settings)
        judged = wish.candidates > 1 and last is None and method.traits.seeded and judge.quick()
        removals = remover.remove(
            session.before() if last else session.picture,
            mask,
            method,
            options=options,
            seed=last.seed + 1 if last else wish.seed,
            candidates=1 if last else wish.candidates,
            avoid=avoid,
            grow=wish.grow,
            on_step=judge.before(on_step) if judged else on_step,
        )
        if judged:
            removals = judge.best_first(removals, on_step)
        if not session.commit(removals, again=last is not None, cancel=cancel, marks=decode_mask(sent.get("mask"))):
            raise Cancelled()

    try:
        for update in run(line, visitor, cancel, job):
            told = {**head, **asdict(update)}
            if update.phase in ENDED:
                session.end(cancel)
            if update.phase == "done":
                told |= {"facts": facts(session), "again": last is not None, "text": _summary(session)}
            yield told
    finally:
        session.end(cancel)


def _summary(session: Session) -> str:
    version = session.version(session.state)
    if version is None:
        return "Done."
    wide, high = version.working
    what = catalog.find(version.method).title
    made = [one for number in session.choices if (one := session.version(number))]
    seconds = sum(one.seconds for one in made) if len(made) > 1 else version.seconds
    several = f"{len(made)} versions by " if len(made) > 1 else ""
    told = f"Done in {seconds:.1f} s: {several}{what}, seed {version.seed}, worked at {wide} × {high} pixels."
    return " ".join((told, *version.notes))


def _label(entry: Entry) -> str:
    return entry.title if entry.state().kind == "ready" else f"{entry.title} (not here yet)"


def _explained(entry: Entry) -> str:
    """What a visitor should know of a method, and whoever runs the server if it is not ready."""
    state = entry.state()
    if state.kind == "unavailable":
        return f"{entry.summary} It cannot run on this server: {state.why}"
    if state.kind == "download":
        return f"{entry.summary} Its weights are not on this server yet; `rorem weights pull {entry.id}` there helps."
    amount = f"{entry.memory / 1e9:.1f} GB" if entry.memory >= 1e9 else f"{entry.memory // 1_000_000} MB"
    return f"{entry.summary} Needs about {amount} of memory{' and no GPU' if entry.devices[0] == 'cpu' else ''}."
