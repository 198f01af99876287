"""Settings come from options over environment over defaults; a wrong one is one sentence."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from rorem.errors import BadOptions
from rorem.ui.settings import PREFIX, Settings, read

ROOT = Path(__file__).parents[2]


def test_options_win_over_the_environment() -> None:
    settings = read({"port": "8001", "host": None}, {"ROREM_PORT": "8002", "ROREM_HOST": "0.0.0.0"})
    assert (settings.port, settings.host) == (8001, "0.0.0.0")


def test_a_space_is_recognised() -> None:
    space = read({}, {"SPACE_ID": "someone/rorem"})
    assert space.host == "0.0.0.0" and space.behind_proxy
    assert not read({}, {}).behind_proxy
    assert not read({}, {"SPACE_ID": "someone/rorem", "ROREM_BEHIND_PROXY": "0"}).behind_proxy
    assert read({}, {"GRADIO_SERVER_NAME": "::1", "GRADIO_SERVER_PORT": "7001"}).port == 7001


@pytest.mark.parametrize(
    ("options", "environment", "on"),
    [
        ({}, {}, True),
        ({"host": "localhost"}, {}, True),
        ({"host": "::1"}, {}, True),
        ({"host": "0.0.0.0"}, {}, False),
        ({"host": "nas.lan"}, {}, False),
        ({}, {"ROREM_SHARE": "1"}, False),
        ({}, {"ROREM_SHARE": "0"}, True),
        ({}, {"SPACE_ID": "someone/rorem", "ROREM_HOST": "127.0.0.1"}, False),
        ({}, {"SPACE_ID": "someone/rorem", "ROREM_DOWNLOADS": "1"}, True),
        ({}, {"ROREM_BEHIND_PROXY": "1"}, False),
        ({"behind_proxy": True, "downloads": True}, {}, True),
        ({"downloads": False}, {}, False),
    ],
)
def test_only_who_sits_at_the_machine_may_fetch_weights(options: dict, environment: dict, on: bool) -> None:
    assert read(options, environment).downloads is on


def test_a_space_offers_no_sharing_unless_it_is_told_to() -> None:
    assert read({}, {}).sharing and not read({}, {"SPACE_ID": "someone/rorem"}).sharing
    assert read({}, {"SPACE_ID": "someone/rorem", "ROREM_SHARING": "1"}).sharing
    assert read({"sharing": True}, {"SPACE_ID": "someone/rorem"}).sharing
    assert not read({}, {"ROREM_SHARING": "0"}).sharing


def test_every_tab_alone_and_all_together() -> None:
    for tabs in (("remove",), ("compare",), ("label",), ("compare", "remove")):
        assert read({"tabs": ",".join(tabs)}, {}).tabs == tabs
    assert read({}, {}).tabs == ("remove", "compare", "label")


@pytest.mark.parametrize(
    ("name", "value"),
    [("port", "seventy"), ("port", "70000"), ("tabs", "remove,magic"), ("tabs", ""), ("max_pixels", "-1")],
)
def test_a_wrong_value_is_named_in_one_sentence(name: str, value: str) -> None:
    with pytest.raises(BadOptions) as caught:
        read({name: value}, {})
    assert name in str(caught.value) and "\n" not in caught.value.advice


def test_every_setting_is_in_the_guide_for_spaces() -> None:
    guide = (ROOT / "docs" / "space.md").read_text("utf-8")
    missing = [name for name in Settings.model_fields if PREFIX + name.upper() not in guide]
    assert not missing


def test_help_and_mistakes_need_no_gradio() -> None:
    shown = subprocess.run([sys.executable, "app.py", "--help"], cwd=ROOT, capture_output=True, text=True, check=True)
    assert "--max-pixels" in shown.stdout
    wrong = subprocess.run(
        [sys.executable, "app.py", "--port", "x"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert wrong.returncode == 1 and "port" in wrong.stderr and "Traceback" not in wrong.stderr


def test_a_folder_that_cannot_be_used_ends_the_start_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    command = [sys.executable, "app.py", "--port", "0", "--data-dir", str(tmp_path / "file" / "data")]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert ended.returncode == 1
    assert ended.stderr.count("\n") == 1 and "cannot hold photos" in ended.stderr
