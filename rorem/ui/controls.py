"""Controls for the settings of a method, made from its options."""

from __future__ import annotations

from typing import Any

import gradio as gr

from rorem.errors import BadOptions
from rorem.methods.entry import Entry


def controls(entry: Entry, shown: bool) -> tuple[gr.Group, dict[str, gr.Slider | gr.Radio]]:
    """A control for every setting of a method, by the setting's name, in a group that is shown with the method."""
    with gr.Group(visible=shown) as group:
        fields = entry.options.model_json_schema().get("properties", {})
        made = {name: _control(entry, name, schema) for name, schema in fields.items()}
    return group, made


def _control(entry: Entry, name: str, schema: dict[str, Any]) -> gr.Slider | gr.Radio:
    """A slider for a number between two ends, a choice for one of a few words."""
    words: dict[str, Any] = {
        "label": f"{entry.title}: {schema.get('title', name)}",
        "info": schema.get("description"),
        "elem_id": f"{entry.id}-{name}",
    }
    if "enum" in schema:
        return gr.Radio(schema["enum"], value=schema["default"], **words)
    if schema.get("type") in ("integer", "number") and "minimum" in schema and "maximum" in schema:
        step = 1 if schema["type"] == "integer" else None
        return gr.Slider(schema["minimum"], schema["maximum"], schema["default"], step=step, **words)
    raise BadOptions(f"The page has no control for {entry.id}.{name}.")
