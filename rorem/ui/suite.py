"""The whole app: its tabs, its server, its start and its end."""

from __future__ import annotations

import os

os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"  # read when Gradio is imported: nothing is ever sent home
os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")

import importlib.util
import signal
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass
from types import FrameType

import gradio as gr
import gradio.mcp
from gradio.themes import Soft
from starlette.routing import Route

from rorem.hosting import gpu_is_lent
from rorem.picture import Limits
from rorem.ui import (
    compare_routes,
    compare_tab,
    endpoint,
    label_routes,
    label_tab,
    remove_tab,
    share_routes,
    tabs,
    vote_routes,
)
from rorem.ui.desk import Office
from rorem.ui.downloads import Downloads
from rorem.ui.line import Line
from rorem.ui.painter import painter
from rorem.ui.pick import Picker
from rorem.ui.routes import routes
from rorem.ui.sessions import Sessions
from rorem.ui.settings import Settings
from rorem.ui.warm_up import warm_up

GRADIO_FOLDER = "GRADIO_TEMP_DIR"  # where Gradio keeps the files that programs send to an endpoint
LAST_SECONDS = 10.0  # for work that was told to stop; a process that ends in the middle of a network's step crashes
TITLE = "RORem: remove things from photos"
HEADING = (
    "<h1 style='display: inline; font-size: 1.5em; margin-right: .5em'>RORem</h1>"
    "<span>Paint over what should go. The rest of your photo stays as it is.</span>"
)


@dataclass(frozen=True)
class Suite:
    """The app, built and not yet started."""

    settings: Settings
    blocks: gr.Blocks
    sessions: Sessions
    picker: Picker
    downloads: Downloads
    line: Line
    office: Office  # of the labels; opened when one is first asked for


def build(settings: Settings) -> Suite:
    """Raises BadOptions if nothing can be written in the data folder."""
    sessions = Sessions(
        settings.data_dir,
        Limits(max_bytes=settings.max_bytes, max_pixels=settings.max_pixels),
        settings.keep_minutes * 60,
        settings.max_disk,
    )
    if not os.environ.get(GRADIO_FOLDER):
        sessions.exchange.mkdir(mode=0o700)
        os.environ[GRADIO_FOLDER] = str(sessions.exchange)  # read by every component as it is made
        gradio.mcp.DEFAULT_TEMP_DIR = str(sessions.exchange)  # read from there when Gradio was imported
    line = Line(settings.workers, settings.per_visitor, settings.longest_line)
    with gr.Blocks(title=TITLE, delete_cache=(600, settings.keep_minutes * 60)) as blocks:
        gr.HTML(HEADING)
        tabs.bar(settings.tabs)
        surface = painter("painter", "remove", "compare", asking=settings)
        if "remove" in settings.tabs:
            remove_tab.build(surface, sessions, line, next(iter(settings.preload), None))
        if "compare" in settings.tabs:
            compare_tab.build(sessions, line, votes=True)
        if "label" in settings.tabs:
            label_tab.build()
        endpoint.build(line, sessions.limits, settings.keep_minutes * 60)
    return Suite(settings, blocks, sessions, Picker(), Downloads(settings.downloads), line, Office(settings))


def start(suite: Suite) -> str:
    """Starts the server in the background and returns its address."""
    settings = suite.settings
    suite.blocks.queue(default_concurrency_limit=None)
    app, local, _ = suite.blocks.launch(
        server_name=settings.host,
        server_port=settings.port or _free_port(settings.host),
        share=settings.share,
        prevent_thread_lock=True,
        quiet=True,
        show_error=False,
        run_history=False,
        footer_links=["api"],
        ssr_mode=False,
        pwa=False,
        max_file_size=settings.max_bytes,
        mcp_server=settings.mcp and importlib.util.find_spec("mcp") is not None,
        app_kwargs={"routes": _routes(suite)},
        head=tabs.head(settings.tabs),
        theme=Soft(),
    )
    app.state.behind_proxy = settings.behind_proxy
    if "label" in settings.tabs:
        suite.office.open_soon()
    return local


def stop(suite: Suite) -> None:
    """Closes the server and deletes every photo."""
    suite.downloads.close()
    suite.blocks.close(verbose=False)
    suite.sessions.close()
    suite.line.emptied(LAST_SECONDS)
    suite.office.close()
    if os.environ.get(GRADIO_FOLDER) == str(suite.sessions.exchange):
        del os.environ[GRADIO_FOLDER]


def serve(settings: Settings, on_ready: Callable[[str], None]) -> None:
    """Runs the app until it is told to stop (Ctrl-C, SIGTERM). on_ready is told its address.

    Raises BadOptions if the data folder cannot be used, OSError if the server cannot start.
    """
    ended = threading.Event()

    def end(number: int, frame: FrameType | None) -> None:
        ended.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, end)
    suite = build(settings)
    try:
        if gpu_is_lent():
            warm_up(settings.preload)
        address = start(suite)
        if not gpu_is_lent():
            warm_up(settings.preload)  # the page answers meanwhile
        on_ready(address)
        while not ended.wait(3600):
            pass
    finally:
        stop(suite)


def _routes(suite: Suite) -> list[Route]:
    sessions, office, tabs = suite.sessions, suite.office, suite.settings.tabs
    found = routes(sessions, suite.picker) + share_routes.routes(sessions, office)
    if "compare" in tabs:
        found += compare_routes.routes(sessions, suite.downloads) + vote_routes.routes(sessions, office)
    if "label" in tabs:
        found += label_routes.routes(office)
    return found


def _free_port(host: str) -> int:
    with socket.socket() as probe:
        probe.bind((host, 0))
        return probe.getsockname()[1]
