"""The whole app: its tabs, its server, its start and its end."""

from __future__ import annotations

import logging
import os

os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"  # read when Gradio is imported: nothing is ever sent home
os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")

import importlib.util
import signal
import sys
import threading
from dataclasses import dataclass
from types import FrameType

import gradio as gr
from gradio.themes import Soft

from rorem.picture import Limits
from rorem.ui import endpoint, remove_tab
from rorem.ui.line import Line
from rorem.ui.routes import routes
from rorem.ui.sessions import Sessions
from rorem.ui.settings import Settings

log = logging.getLogger(__name__)
TITLE = "RORem: remove things from photos"
HEADING = (
    "<h1 style='display: inline; font-size: 1.5em; margin-right: .5em'>RORem</h1>"
    "<span>Paint over what should go. The rest of your photo stays as it is, pixel for pixel.</span>"
)


@dataclass(frozen=True)
class Suite:
    """The app, built and not yet started."""

    settings: Settings
    blocks: gr.Blocks
    sessions: Sessions


def build(settings: Settings) -> Suite:
    sessions = Sessions(
        settings.data_dir,
        Limits(max_bytes=settings.max_bytes, max_pixels=settings.max_pixels),
        settings.keep_minutes * 60,
        settings.max_disk,
    )
    line = Line(settings.workers, settings.per_visitor, settings.longest_line)
    with gr.Blocks(title=TITLE, delete_cache=(600, settings.keep_minutes * 60)) as blocks:
        gr.HTML(HEADING)
        if "remove" in settings.tabs:
            remove_tab.build(sessions, line)
        endpoint.build(line, sessions.limits)
    return Suite(settings, blocks, sessions)


def start(suite: Suite) -> str:
    """Starts the server in the background and returns its address."""
    settings = suite.settings
    suite.blocks.queue(default_concurrency_limit=None)
    _, local, _ = suite.blocks.launch(
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
        app_kwargs={"routes": routes(suite.sessions)},
        theme=Soft(),
    )
    return local


def stop(suite: Suite) -> None:
    """Closes the server and deletes every photo."""
    suite.blocks.close(verbose=False)
    suite.sessions.close()


def serve(settings: Settings) -> None:
    """Runs the app until it is told to stop (Ctrl-C, SIGTERM)."""
    suite = build(settings)
    ended = threading.Event()

    def end(number: int, frame: FrameType | None) -> None:
        ended.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, end)
    try:
        address = start(suite)
        print(f"RORem is ready: {address}", flush=True)
        while not ended.wait(3600):
            pass
    except OSError as error:
        print(f"The app could not start: {error}", file=sys.stderr)
        raise SystemExit(1) from error
    finally:
        stop(suite)


def _free_port(host: str) -> int:
    import socket

    with socket.socket() as probe:
        probe.bind((host, 0))
        return probe.getsockname()[1]
