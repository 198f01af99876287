"""The Label tab: people judge removals, one after the other, with one key each.

Our own component on gr.HTML, made of label.html, label.css (with base.css) and the scripts: outline.js (of a mask),
label_view.js (what is on screen), label_items.js (the server, and what is here already), label_answers.js (one answer
for each item, in order), label.js (entering, the guide, buttons and keys).

Nothing goes through Gradio's events: with those, quick keys all count for the first item. The page sends the hand-out
that it shows to /label/answer and goes on when the server has confirmed that very one.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from html import escape
from pathlib import Path

import gradio as gr

from rorem.ui import label_guide
from rorem.ui.label_entry import login_works
from rorem.ui.tabs import only_in

HERE = Path(__file__).parent
STYLES = ("base.css", "label.css")
# Run as one script, in this order.
SCRIPTS = ("outline.js", "label_view.js", "label_items.js", "label_answers.js", "label.js")


def build(environment: Mapping[str, str] = os.environ) -> None:
    """Puts the tab's component into the surrounding Blocks; on a Space with a button to log in."""
    template = (HERE / "label.html").read_text("utf-8")
    template = template.replace("@guide", label_guide.html()).replace("@credit", escape(label_guide.CREDIT))
    gr.HTML(
        html_template=template,
        css_template="\n".join((HERE / name).read_text("utf-8") for name in STYLES),
        js_on_load="\n".join((HERE / name).read_text("utf-8") for name in SCRIPTS),
        apply_default_css=False,
        elem_id="label-panel",
        elem_classes=only_in("label"),
    )
    if login_works(environment):
        gr.LoginButton(elem_id="label-login", elem_classes=only_in("label"))
