"""The tests' own Hub, as a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from tests.hub import TOKEN, Hub

ROOT = Path(__file__).parent.parent


def asked(url: str, told: object = None) -> tuple[int, dict]:
    data = None if told is None else json.dumps(told).encode()
    request = urllib.request.Request(url, data, {"Authorization": f"Bearer {TOKEN}"})
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return answer.status, json.loads(answer.read() or b"{}")
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read() or b"{}")


def test_as_a_process_it_fails_on_command() -> None:
    process = subprocess.Popen([sys.executable, "-m", "tests.hub"], stdout=subprocess.PIPE, text=True, cwd=ROOT)
    try:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        assert (
            asked(f"{url}/api/repos/create", {"name": "labels", "type": "dataset", "visibility": "private"})[0] == 200
        )
        assert asked(f"{url}/api/datasets/someone/labels")[1]["private"] is True
        asked(f"{url}/-/fault", {"kind": "status", "path": "/api/datasets/", "status": 429, "times": 2})
        assert [asked(f"{url}/api/datasets/someone/labels")[0] for _ in range(3)] == [429, 429, 200]
        asked(f"{url}/-/fault", {"kind": "lost", "path": "/api/datasets/"})
        with pytest.raises(OSError):
            asked(f"{url}/api/datasets/someone/labels")
        asked(f"{url}/-/revoke", {"status": 403})
        assert asked(f"{url}/api/datasets/someone/labels")[0] == 403
        assert asked(f"{url}/-/files/someone/labels") == (200, {})
    finally:
        process.kill()
        process.wait()


def test_a_commit_is_whole_or_not_at_all() -> None:
    with Hub() as hub:
        hub.put("someone/labels", {"a.txt": b"1"})
        parent = hub.repositories["someone/labels"].commits[-1][0]
        wrong = {"key": "lfsFile", "value": {"path": "b.parquet", "oid": "0" * 64, "size": 1}}
        plain = {"key": "file", "value": {"path": "c.txt", "content": "Mg=="}}

        def commit(header: dict, *lines: dict) -> int:
            body = "\n".join(json.dumps(one) for one in ({"key": "header", "value": header}, *lines)).encode()
            request = urllib.request.Request(f"{hub.url}/api/datasets/someone/labels/commit/main", body)
            request.add_header("Authorization", f"Bearer {TOKEN}")
            try:
                return urllib.request.urlopen(request, timeout=20).status
            except urllib.error.HTTPError as error:
                return error.code

        assert commit({"summary": "x", "parentCommit": parent}, plain, wrong) == 400
        assert hub.files("someone/labels") == {"a.txt": b"1"}
        assert commit({"summary": "x", "parentCommit": parent}, plain) == 200
        assert commit({"summary": "y", "parentCommit": parent}, plain) == 412
        assert (
            hub.files("someone/labels") == {"a.txt": b"1", "c.txt": b"2"} and hub.commits("someone/labels")[-1] == "x"
        )
