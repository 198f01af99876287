"""`rorem methods`: what there is, whether it can run here, and the settings of each."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rorem.terminal import in_sentences, size

if TYPE_CHECKING:
    from rorem.methods.entry import Entry

STATES = {"ready": "ready", "download": "needs a download", "unavailable": "cannot run here"}


def methods(
    method: Annotated[str | None, typer.Argument(help="One of them, for its settings, paper and licence.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Everything, as JSON.")] = False,
) -> None:
    """Lists the methods and whether they can run here; of one, also its settings."""
    with in_sentences():
        from rorem.methods import catalog

        entries = catalog.ENTRIES if method is None else (catalog.find(method),)
        if as_json:
            typer.echo(json.dumps([described(entry) for entry in entries], indent=2))
        elif method is None:
            _list(entries)
        else:
            _show(entries[0])


def described(entry: Entry) -> dict[str, object]:
    """A catalog entry as plain values."""
    from rorem.methods import catalog

    return {
        "id": entry.id,
        "title": entry.title,
        "summary": entry.summary,
        "default": entry.id == catalog.DEFAULT,
        "state": asdict(entry.state()),
        "licence": entry.licence,
        "paper": entry.paper,
        "memory": entry.memory,
        "devices": entry.devices,
        "traits": asdict(entry.traits),
        "fallback": entry.fallback,
        "weights": [[asdict(part) for part in way] for way in entry.ways],
        "options": entry.options.model_json_schema(),
    }


def _list(entries: Sequence[Entry]) -> None:
    table = _table("method", "what it does", "memory", "state", title="Methods")
    for entry in entries:
        table.add_row(entry.id, f"{entry.title}. {entry.summary}", size(entry.memory), _state(entry))
    lines = ["`rorem methods METHOD` tells the settings, paper and licence of one."]
    if any(entry.state().kind == "download" for entry in entries):
        lines.append("`rorem weights pull METHOD` fetches what one needs.")
    _print(table, *lines)


def _show(entry: Entry) -> None:
    state = entry.state()
    facts = _table(title=entry.title, show_header=False)
    facts.add_row("id", entry.id)
    facts.add_row("what it does", entry.summary)
    facts.add_row("state", f"{_state(entry)}. {state.why}".removesuffix(". "))
    facts.add_row("memory", f"about {size(entry.memory)}, on {', '.join(entry.devices)}")
    facts.add_row("paper", entry.paper)
    facts.add_row("licence", entry.licence)
    settings = _table("--set", "default", "range", "meaning", title="Settings")
    for name, field in entry.options.model_json_schema().get("properties", {}).items():
        settings.add_row(name, str(field.get("default")), _range(field), field.get("description", ""))
    _print(facts, settings if settings.row_count else "It has no settings.")


def _table(*columns: str, **look: Any) -> Any:
    from rich.table import Table

    return Table(*columns, title_justify="left", **look)


def _print(*parts: object) -> None:
    from rich.console import Console

    console = Console(markup=False, highlight=False)
    for part in parts:
        console.print(part)


def _state(entry: Entry) -> str:
    state = entry.state()
    return f"{STATES[state.kind]}{f' of {size(state.bytes)}' if state.bytes else ''}"


def _range(field: dict[str, Any]) -> str:
    """The values that a setting takes, from its JSON schema."""
    if "minimum" in field and "maximum" in field:
        return f"{field['minimum']} to {field['maximum']}"
    return ", ".join(map(str, field["enum"])) if "enum" in field else field.get("type", "")
