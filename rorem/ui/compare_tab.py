"""The Compare tab: several methods on the photo and the marks of the painting surface, side by side.

Our own component on gr.HTML, made of compare.html, compare.css (with base.css) and the scripts: outline.js (of a mask),
compare_lens.js (one view for all pictures), compare_methods.js (what is compared), compare_cells.js (the results),
compare_pair.js (two of them under a slider), compare_large.js (one of them large), compare_vote.js (the better of two
without names), compare.js (all else).

Up: the custom event `compare_marked` carries what `comparing.begin` reads. Down: the value is what it returns; how the
comparison goes is then asked for at /photo/TOKEN/comparison, which a page that was loaded anew does as well.
It goes through Gradio because a GPU that is lent is lent to whoever sent a Gradio event.
"""

from __future__ import annotations

from html import escape
from pathlib import Path
from typing import Any

import gradio as gr

from rorem.ui import samples
from rorem.ui.comparing import begin
from rorem.ui.line import Line
from rorem.ui.sessions import Sessions
from rorem.ui.tabs import only_in
from rorem.ui.visitor import address

HERE = Path(__file__).parent
STYLES = ("base.css", "compare.css", "compare_vote.css")
VOTE, LEADERS = "compare_vote.html", "compare_leaders.html"
SCRIPTS = (  # run as one script, in this order
    "outline.js",
    "compare_lens.js",
    "compare_methods.js",
    "compare_cells.js",
    "compare_pair.js",
    "compare_large.js",
    "compare_vote.js",
    "compare.js",
)


def build(sessions: Sessions, line: Line, votes: bool = False) -> None:
    """Puts the tab's component into the surrounding Blocks. The painting surface must be on the page, too.

    votes: visitors may vote on results without names, and see what came out of all votes.
    """
    template = (HERE / "compare.html").read_text("utf-8").replace("@samples", _gallery(samples.every()))
    parts = {"@vote": VOTE, "@leaders": LEADERS}
    for place, part in parts.items():
        template = template.replace(place, (HERE / part).read_text("utf-8") if votes else "")
    board = gr.HTML(
        html_template=template,
        css_template="\n".join((HERE / name).read_text("utf-8") for name in STYLES),
        js_on_load="\n".join((HERE / name).read_text("utf-8") for name in SCRIPTS),
        apply_default_css=False,
        elem_id="compare-panel",
        elem_classes=only_in("compare"),
    )

    def on_compare(event: gr.EventData, request: gr.Request) -> dict[str, Any]:
        return begin(sessions, line, event._data or {}, address(request.request))

    board.compare_marked(
        on_compare, None, board, show_progress="hidden", concurrency_limit=None, api_visibility="private"
    )


def _gallery(every: tuple[samples.Sample, ...]) -> str:
    """Buttons that open a photo with its marks and its truth."""
    if not every:
        return ""
    buttons = "".join(
        f'<button type="button" data-sample="{escape(one.name)}">'
        f'<img src="sample/{escape(one.name)}" alt="" loading="lazy">'
        f"<span>{escape(one.title)}<small>{escape(one.credit)}</small></span></button>"
        for one in every
    )
    told = "Or try one of these. Marks and truth come with it:"
    return f'<p class="rr-quiet">{told}</p><div class="cp-gallery">{buttons}</div>'
