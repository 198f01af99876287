"""The painting surface: our own component on gr.HTML, made of painter.html, painter.css (with base.css, which other
components share) and the scripts: onebit.js (masks as files), shelf.js (what the browser keeps), pick.js (clicks that
mark a thing), painter.js (all else), verdict.js (what visitors say of a result) and share.js (photos they share).

All tabs share it: with `window.rorem` other components read the photo and its marks, open one, and hand over a removal;
the event `rorem-changed` on the window says that something of this is not as it was.

Gradio's image editor sends whole pictures back and forth and takes many seconds with a phone photo; this one sends the
file once and the marks as 1-bit PNGs.

Up: the custom event `remove_marked` carries {token, press, again, mask, avoid}; masks are data URLs of 1-bit PNGs.
Down: the value is a dict {token, press, phase, text, progress, ...} that tells how the removal goes. `press` counts the
presses of the button: Gradio passes on only values that differ from the one before.
"""

from __future__ import annotations

import base64
import binascii
from html import escape
from pathlib import Path

import gradio as gr

from rorem.errors import BadMask
from rorem.ui.examples import EXAMPLES, Example
from rorem.ui.public import question, withdrawing
from rorem.ui.settings import Settings
from rorem.ui.tabs import only_in

HERE = Path(__file__).parent
STYLES = ("base.css", "painter.css", "verdict.css")
SCRIPTS = ("onebit.js", "shelf.js", "pick.js", "painter.js", "verdict.js", "share.js")  # one script, in this order
PNG = "data:image/png;base64,"
LARGEST = 20_000_000  # characters of a mask sent by the browser


def painter(elem_id: str, *tabs: str, asking: Settings | None = None) -> gr.HTML:
    """The component, shown in these tabs. Not a subclass: for those Gradio writes stub files into the package.

    asking: visitors are asked about results, and may share photos where these settings say so; None asks nothing.
    """
    template = (HERE / "painter.html").read_text("utf-8").replace("@examples", _gallery(EXAMPLES))
    template = template.replace("@question", question(asking) if asking else "")
    template = template.replace("@withdrawing", withdrawing(asking) if asking else "")
    return gr.HTML(
        html_template=template,
        css_template="\n".join((HERE / name).read_text("utf-8") for name in STYLES),
        js_on_load="\n".join((HERE / name).read_text("utf-8") for name in SCRIPTS),
        apply_default_css=False,
        elem_id=elem_id,
        elem_classes=only_in(*tabs),
    )


def decode_mask(url: object) -> bytes | None:
    """The PNG in a data URL, or None for null. Raises BadMask for anything else."""
    if url is None:
        return None
    if not isinstance(url, str) or not url.startswith(PNG) or len(url) > LARGEST:
        raise BadMask("The marks did not arrive in one piece.", "Please press the button again.")
    try:
        return base64.b64decode(url.removeprefix(PNG), validate=True)
    except binascii.Error as error:
        raise BadMask("The marks did not arrive in one piece.", "Please press the button again.") from error


def _gallery(examples: tuple[Example, ...]) -> str:
    if not examples:
        return ""
    buttons = "".join(
        f'<button type="button" data-example="{escape(one.name)}">'
        f'<img src="example/{escape(one.name)}" alt="" loading="lazy">'
        f"<span>{escape(one.title)}<small>{escape(one.credit)}</small></span></button>"
        for one in examples
    )
    return (
        f'<p class="rr-quiet" style="margin-top:16px">Or try one of these:</p><div class="rr-examples">{buttons}</div>'
    )
