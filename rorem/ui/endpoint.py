"""The named endpoint `remove`, for gradio_client, curl and MCP."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
import threading
import time
from pathlib import Path

import gradio as gr
from gradio.utils import get_upload_folder

from rorem import api, judge
from rorem.methods import catalog
from rorem.picture import Limits, encode, open_picture, suffix
from rorem.remover import OnStep, Removal
from rorem.ui import zero_gpu
from rorem.ui.line import Line
from rorem.ui.visitor import address
from rorem.ui.work import run

PREFIX = "result-"


def build(line: Line, limits: Limits, keep_seconds: float) -> None:
    """Adds the endpoint to the surrounding Blocks. It has no components on the page.

    keep_seconds: how long results can be fetched.
    """

    def remove(photo: str, mask: str, method: str, seed: float, candidates: float, request: gr.Request) -> list[str]:
        """Remove what a mask marks from a photo, leaving every other pixel as it is.

        Args:
            photo: The photo, a picture file.
            mask: A picture of the same shape; white (or opaque) where something is to go.
            method: The id of a method, such as patchmatch.
            seed: Another seed gives another result; the same seed the same.
            candidates: How many results to make, 1 to 4.

        Returns:
            The results as files in the photo's own format.
        """
        files: list[str] = []

        def job(on_step: OnStep) -> None:
            picture = open_picture(Path(photo), limits=limits)
            removals = api.remove(
                picture,
                Path(mask),
                method,
                seed=int(seed),
                candidates=min(4, max(1, int(candidates))),
                rank="judge" if judge.quick() else None,
                prepare=zero_gpu.prepare,
                on_step=on_step,
            )
            files.extend(_written(removals, Path(photo).stem, keep_seconds))

        if not photo or not mask:
            raise gr.Error("Send both a photo and a mask.", print_exception=False)
        for update in run(line, address(request.request), threading.Event(), job):
            if update.phase in ("failed", "stopped"):
                raise gr.Error(update.text, print_exception=False)
        return files

    photo = gr.File(label="photo", visible=False, file_count="single")
    mask = gr.File(label="mask", visible=False, file_count="single")
    method = gr.Textbox(catalog.DEFAULT, label="method", visible=False)
    seed = gr.Number(0, label="seed", visible=False)
    candidates = gr.Number(1, label="candidates", visible=False)
    results = gr.File(label="results", visible=False, file_count="multiple")
    gr.Button(visible=False).click(
        remove, [photo, mask, method, seed, candidates], results, api_name="remove", concurrency_limit=None
    )


def _written(removals: list[Removal], stem: str, keep_seconds: float) -> list[str]:
    """The results as files in Gradio's own area, from where it hands them out without copying them once more."""
    area = Path(get_upload_folder())
    area.mkdir(mode=0o700, parents=True, exist_ok=True)
    for older in area.glob(f"{PREFIX}*"):
        with contextlib.suppress(OSError):
            if older.stat().st_mtime < time.time() - keep_seconds:
                shutil.rmtree(older, ignore_errors=True)
    folder = Path(tempfile.mkdtemp(prefix=PREFIX, dir=area))
    files = []
    try:
        for index, removal in enumerate(removals, 1):
            file = folder / f"{stem}.{index}{suffix(removal.picture.file.format)}"
            file.write_bytes(encode(removal.picture, edit=removal.edit))
            files.append(str(file))
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return files
