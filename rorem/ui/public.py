"""What visitors are asked about their removals, in words: the question, what sharing means, and taking it back."""

from __future__ import annotations

from html import escape
from pathlib import Path

from rorem.labels.event import REASONS
from rorem.labels.pixels import MOST_PIXELS
from rorem.ui.settings import Settings

HERE = Path(__file__).parent
WHY = {
    "left_over": "Something is left",
    "new_object": "Something new is there",
    "blur_or_seam": "Blur or a seam",
    "colour": "Colours are off",
    "shadow": "Shadow or reflection",
}


def may_share(settings: Settings) -> bool:
    return settings.sharing and "label" in settings.tabs


def question(settings: Settings) -> str:
    """The part of the page below a result, as HTML."""
    reasons = "".join(
        f'<button type="button" data-reason="{reason}" aria-pressed="false">{WHY[reason]}</button>'
        for reason in REASONS
    )
    sharing = ""
    if may_share(settings):
        sharing = _part("share.html").replace("@terms", "".join(f"<li>{escape(one)}</li>" for one in terms(settings)))
    return _part("verdict.html").replace("@reasons", reasons).replace("@sharing", sharing)


def withdrawing(settings: Settings) -> str:
    """The part of the page that takes a shared photo back, as HTML; it works without a photo."""
    return _part("withdraw.html") if may_share(settings) else ""


def terms(settings: Settings) -> tuple[str, ...]:
    """What sharing means, as sentences: all that happens to the photo, before anybody agrees to it."""
    days = settings.hold_days
    waits = f"It waits for {days:g} {'day' if days == 1 else 'days'}. Then the" if days else "First the"
    where = (
        f"It may be published, with the answers, in the data set {settings.label_hub} on the Hugging Face Hub."
        if settings.label_hub
        else "It is kept on this server."
    )
    after = " If it was published by then, copies that others have made stay." if settings.label_hub else ""
    return (
        "Shared are the photo, your marks, the result and your answer; not the file's name, nor when, where and with "
        "what it was taken, nor who you are.",
        f"The pictures are kept as they are, or at {MOST_PIXELS // 1_000_000} megapixels if they are larger.",
        f"{waits} operator of this page looks at it, and only then people are asked to judge it.",
        where,
        f"You get a code, shown once, that takes all of it back.{after}",
        "Share only a photo that is yours, with nobody in it who would mind.",
    )


def _part(name: str) -> str:
    return (HERE / name).read_text("utf-8")
