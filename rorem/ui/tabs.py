"""The tabs: a bar of our own, and what shows the parts of the page that belong to the chosen one.

All tabs share one photo and its marks, so changing the tab only shows and hides what lies around the painting surface;
nothing is asked of the server. A component that belongs to some tabs only has the classes of `only_in`.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from pathlib import Path

import gradio as gr

HERE = Path(__file__).parent
TITLES = {"remove": "Remove", "compare": "Compare", "label": "Label"}


def only_in(*tabs: str) -> list[str]:
    """The classes of what is shown in these tabs and in no other. They work in a component's own HTML, too."""
    return ["in-tabs", *(f"on-{tab}" for tab in tabs)]


def head(tabs: Sequence[str]) -> str:
    """What the page's head needs: the rules, and the tab that the address names before anything is drawn."""
    rules = "".join(f'html[data-tab="{tab}"] .in-tabs:not(.on-{tab}) {{ display: none !important; }}' for tab in TITLES)
    names = ",".join(f'"{tab}"' for tab in tabs)
    start = f"const t=[{names}],h=location.hash.slice(1);document.documentElement.dataset.tab=t.includes(h)?h:t[0];"
    return f"<style>{rules}</style><script>{{{start}}}</script>"


def bar(tabs: Sequence[str]) -> None:
    """Puts the bar into the surrounding Blocks; nothing where there is only one tab."""
    if len(tabs) < 2:
        return
    buttons = "".join(
        f'<button type="button" role="tab" id="tab-{tab}" data-tab="{tab}" aria-controls="{tab}-panel">'
        f"{escape(TITLES[tab])}</button>"
        for tab in tabs
    )
    gr.HTML(
        html_template=f'<div class="tabs" role="tablist" aria-label="What to do">{buttons}</div>',
        css_template=(HERE / "tabs.css").read_text("utf-8"),
        js_on_load=(HERE / "tabs.js").read_text("utf-8"),
        apply_default_css=False,
        elem_id="tabs",
    )
