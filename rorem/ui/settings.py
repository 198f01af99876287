"""Every setting of the app in one place. A Space sets them as environment variables, a person as command options."""

from __future__ import annotations

import getpass
import ipaddress
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from rorem.errors import BadOptions

Tab = Literal["remove", "compare", "label"]
PREFIX = "ROREM_"
USER = str(os.getuid()) if hasattr(os, "getuid") else getpass.getuser()
BUILT_TABS: tuple[Tab, ...] = ("remove", "compare", "label")  # tabs that this version has


class Settings(BaseModel):
    """What an operator can change. `ROREM_MAX_PIXELS=24000000` sets `max_pixels`, and so on."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    host: str = Field("127.0.0.1", description="Address to listen on; 0.0.0.0 for every network of the machine.")
    port: int = Field(7860, ge=0, le=65535, description="Port to listen on; 0 takes a free one.")
    tabs: tuple[Tab, ...] = Field(BUILT_TABS, description="Tabs to show, with commas between them; the first is open.")
    share: bool = Field(False, description="Also open a public Gradio link, through Gradio's server.")
    max_pixels: int = Field(100_000_000, ge=10_000, description="Largest photo, in pixels (width x height).")
    max_bytes: int = Field(200_000_000, ge=10_000, description="Largest file, in bytes.")
    workers: int = Field(
        max(1, (os.cpu_count() or 2) // 2), ge=1, description="Removals that run at the same time; others wait in line."
    )
    per_visitor: int = Field(4, ge=1, description="Removals that one address may have waiting or running.")
    longest_line: int = Field(32, ge=1, description="Removals that may wait in all; further ones are turned away.")
    keep_minutes: int = Field(60, ge=1, description="Minutes a photo stays on the server after it was last used.")
    max_disk: int = Field(
        20_000_000_000,
        ge=10_000_000,
        description="Bytes of disk for open photos; beyond, the oldest of the address that holds most go.",
    )
    data_dir: Path = Field(
        Path(tempfile.gettempdir()) / f"rorem-{USER}",  # of this user's own: others could not write into it
        description="Folder for open photos; what this app puts there it deletes.",
    )
    behind_proxy: bool = Field(
        False, description="Tell visitors apart by the last address in X-Forwarded-For, which a proxy wrote there."
    )
    preload: tuple[str, ...] = Field(
        (), description="Methods to load before the app says that it is ready; the first is chosen on the page."
    )
    downloads: bool = Field(
        True, description="Let visitors fetch the weights of methods; off unless the page is for this machine only."
    )
    label_dir: Path = Field(
        default_factory=lambda: _kept(os.environ),
        description="Folder for answers and shared photos. It must outlive the app; only what is taken back goes.",
    )
    labels: str = Field("", description="Database of the answers; empty for SQLite in the label folder.")
    label_source: tuple[str, ...] = Field(
        (), description="What to judge: folders of triplets, Parquet shards or data sets on the Hub (owner/name)."
    )
    label_answers: int = Field(1, ge=1, le=99, description="Answers wanted for each removal.")
    label_timeout: int = Field(600, ge=10, description="Seconds after which a removal that nobody judged comes back.")
    label_hub: str = Field("", description="Data set on the Hub (owner/name) that the answers are pushed to.")
    label_hub_public: bool = Field(False, description="Make that data set public when it is created.")
    push_minutes: float = Field(5.0, gt=0, description="Minutes between two pushes to the Hub.")
    hold_days: float = Field(7.0, ge=0, description="Days that a shared photo waits before it can be judged.")
    sharing: bool = Field(
        True, description="Let visitors of the Remove tab offer their removals for judging; on a Space off by itself."
    )
    mcp: bool = Field(True, description="Offer the `remove` endpoint to MCP clients, if the package mcp is installed.")

    @field_validator("tabs", "preload", "label_source", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value

    @field_validator("tabs")
    @classmethod
    def _built(cls, value: tuple[Tab, ...]) -> tuple[Tab, ...]:
        missing = [tab for tab in value if tab not in BUILT_TABS]
        if missing or not value:
            raise ValueError(f"choose from {', '.join(BUILT_TABS)}")
        return value


def read(options: Mapping[str, object], environment: Mapping[str, str]) -> Settings:
    """Settings from command options (None = not given) over environment variables over the defaults.

    Raises BadOptions with one sentence for the first value that is wrong. Gradio's own GRADIO_SERVER_NAME and
    GRADIO_SERVER_PORT, which a Space sets, stand in for host and port. A Space is always behind a proxy, and shares
    photos only if it is told to. Downloads are on by themselves only where nobody but this machine's own people can ask
    for them; a proxy brings others.
    """
    values: dict[str, object] = {}
    for name, variable in (("host", "GRADIO_SERVER_NAME"), ("port", "GRADIO_SERVER_PORT")):
        if environment.get(variable):
            values[name] = environment[variable]
    if environment.get("SPACE_ID"):
        values.setdefault("host", "0.0.0.0")
        values["behind_proxy"] = True
        values["sharing"] = False  # approving takes a shell of the machine and a disk that stays
    for name in Settings.model_fields:
        if environment.get(PREFIX + name.upper()):
            values[name] = environment[PREFIX + name.upper()]
    values |= {name: value for name, value in options.items() if value is not None}
    try:
        settings = Settings.model_validate(values)
        reached = environment.get("SPACE_ID") or settings.share or settings.behind_proxy
        private = not reached and _loopback(settings.host)
        return settings if "downloads" in values else settings.model_copy(update={"downloads": private})
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"])
        message = first["msg"].removeprefix("Value error, ")
        raise BadOptions(
            f"The setting {name} is wrong: {message}.", "`python app.py --help` lists them all."
        ) from error


def _kept(environment: Mapping[str, str]) -> Path:
    """A Space's persistent disk is /data, where it has one."""
    if environment.get("SPACE_ID") and os.access("/data", os.W_OK):
        return Path("/data/rorem-labels")
    return Path(environment.get("XDG_DATA_HOME") or "~/.local/share").expanduser() / "rorem" / "labels"


def _loopback(host: str) -> bool:
    """Whether an address is reached from this machine only; "" = the default, which is."""
    try:
        return host in ("", "localhost") or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
