"""The named endpoint, called the ways the guide says: gradio_client and MCP."""

from __future__ import annotations

import base64
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError
from PIL import Image

from tests.server import ROOT, App, start_app


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    picture = np.random.default_rng(3).integers(90, 120, (120, 160, 3), dtype=np.uint8)
    picture[50:70, 70:90] = (220, 20, 20)
    Image.fromarray(picture).save(tmp_path / "photo.jpg", quality=90)
    mask = np.zeros((120, 160), np.uint8)
    mask[46:74, 66:94] = 255
    Image.fromarray(mask).save(tmp_path / "mask.png")
    return tmp_path


def is_clean(file: str | Path) -> bool:
    return bool(np.asarray(Image.open(file).convert("RGB"))[50:70, 70:90, 0].mean() < 130)


def test_the_guide_s_example_runs(app: App, folder: Path) -> None:
    (code,) = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "api.md").read_text("utf-8"), re.DOTALL)
    code = code.replace("http://127.0.0.1:7860", app.url)
    ran = subprocess.run([sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=True)
    files = re.findall(r"'([^']+\.jpg)'", ran.stdout)
    assert len(files) == 2 and all(is_clean(file) for file in files)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"mask": None}, "Send both"),
        ({"method": "magic"}, "no method called"),
        ({"mask": "photo"}, "mask"),
    ],
)
def test_mistakes_are_told_in_a_sentence(app: App, folder: Path, change: dict[str, str | None], sentence: str) -> None:
    Image.new("RGB", (30, 90), "white").save(folder / "other.png")
    client = Client(app.url, verbose=False)
    sent = {"photo": handle_file(folder / "photo.jpg"), "mask": handle_file(folder / "mask.png"), "method": "telea"}
    sent |= change
    if change.get("mask") == "photo":
        sent["mask"] = handle_file(folder / "other.png")
    with pytest.raises(AppError, match=sentence) as caught:
        client.predict(**sent, seed=0, candidates=1, api_name="/remove")
    assert "Traceback" not in str(caught.value)


def test_only_the_endpoint_is_public(app: App) -> None:
    named = Client(app.url, verbose=False).view_api(return_format="dict", print_info=False)
    assert isinstance(named, dict)
    assert set(named["named_endpoints"]) == {"/remove"}


def test_an_assistant_can_call_it(app: App, folder: Path) -> None:
    anyio = pytest.importorskip("anyio")
    mcp = pytest.importorskip("mcp")
    from mcp.client.streamable_http import streamablehttp_client

    def uri(name: str, kind: str) -> str:
        return f"data:{kind};base64," + base64.b64encode((folder / name).read_bytes()).decode()

    async def call() -> str:
        async with (
            streamablehttp_client(f"{app.url}/gradio_api/mcp/") as (read, write, _),
            mcp.ClientSession(read, write) as session,
        ):
            await session.initialize()
            tools = (await session.list_tools()).tools
            (tool,) = [tool for tool in tools if tool.name.endswith("remove")]
            assert "mask" in (tool.description or "")
            sent = {"photo": uri("photo.jpg", "image/jpeg"), "mask": uri("mask.png", "image/png"), "method": "telea"}
            answer = await session.call_tool(tool.name, {**sent, "seed": 0, "candidates": 1})
            assert not answer.isError, answer.content
            return str(answer.content)

    with ThreadPoolExecutor(1) as apart:  # a browser of other tests may hold an event loop in this thread
        assert ".jpg" in apart.submit(anyio.run, call).result(120)


def test_all_that_is_kept_lies_in_the_data_folder_and_goes_at_the_end(folder: Path, tmp_path: Path) -> None:
    data, temporary = tmp_path / "data", tmp_path / "tmp"
    temporary.mkdir()
    app = start_app(data, environment={"TMPDIR": str(temporary), "GRADIO_TEMP_DIR": ""})
    try:
        client = Client(app.url, verbose=False)
        photo, mask = handle_file(folder / "photo.jpg"), handle_file(folder / "mask.png")
        (result,) = client.predict(photo=photo, mask=mask, method="telea", seed=0, candidates=1, api_name="/remove")
        assert is_clean(result)
        assert len(list(data.rglob("photo*.jpg"))) >= 2
    finally:
        assert app.stop() == 0, "".join(app.log)
    assert not list(data.iterdir())
    assert not list(temporary.rglob("*.jpg"))
