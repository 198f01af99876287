"""What the Hub answers: the part of its wire that a push and a reader of a data set need.

A commit is one step: preupload says which files are small and which are kept by content; those are put under their
sha256, which is checked; the commit is applied whole, and only upon the parent that it names.
"""

from __future__ import annotations

import base64
import hashlib
import itertools
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from email.message import Message
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, unquote, urlsplit

if TYPE_CHECKING:
    from tests.hub import Hub

LARGE = (".parquet", ".png", ".jpg", ".bin")
DATE = "2026-01-01T00:00:00.000Z"
NUMBERS = itertools.count()
Commit = tuple[str, str, dict[str, bytes]]  # 40 digits, title, files


@dataclass(frozen=True)
class Answer:
    status: int
    body: bytes = b"{}"
    headers: Mapping[str, str] = field(default_factory=dict)


class Repository:
    def __init__(self, private: bool = False) -> None:
        self.private = private
        self.commits: list[Commit] = []
        self.commit("initial commit", {})

    def commit(self, title: str, files: dict[str, bytes]) -> str:
        digits = hashlib.sha1(f"{title}{next(NUMBERS)}".encode()).hexdigest()
        self.commits.append((digits, title, files))
        return digits

    @property
    def files(self) -> dict[str, bytes]:
        return self.commits[-1][2]

    def at(self, revision: str) -> Commit | None:
        if revision in ("main", "HEAD"):
            return self.commits[-1]
        return next((one for one in self.commits if len(revision) == 40 and one[0] == revision), None)


@dataclass(frozen=True)
class Call:
    hub: Hub
    method: str
    path: str
    parts: Sequence[str]
    query: Mapping[str, list[str]]
    headers: Message
    body: bytes

    @property
    def known(self) -> bool:
        return self.headers.get("Authorization") == f"Bearer {self.hub.token}"

    def json(self) -> Any:
        return json.loads(self.body)


def answer(hub: Hub, method: str, target: str, headers: Message, body: bytes) -> Answer:
    url = urlsplit(target)
    parts = [unquote(part) for part in url.path.strip("/").split("/")]
    call = Call(hub, method, url.path, parts, parse_qs(url.query), headers, body)
    if hub.refuses:
        return _error(hub.refuses, "", "Invalid credentials in Authorization header")
    if parts[:2] == ["api", "whoami-v2"]:
        told = {"type": "user", "id": "1", "name": "someone", "fullname": "Someone", "orgs": [], "auth": {}}
        return _json(told) if call.known else _error(401, "", "Invalid username or password.")
    if parts[:2] == ["api", "validate-yaml"]:
        return _json({"errors": [], "warnings": []})
    if parts[:3] == ["api", "repos", "create"]:
        return _create(call)
    if parts[0] == "large":
        return _put(call)
    if url.path.endswith(".git/info/lfs/objects/batch"):
        return _batch(call)
    return _of_repository(call)


def _create(call: Call) -> Answer:
    if not call.known:
        return _error(401, "", "Invalid username or password.")
    told = call.json()
    name = f"{told.get('organization') or 'someone'}/{told['name']}"
    private = told.get("visibility") == "private" or bool(told.get("private"))
    with call.hub.lock:
        there = name in call.hub.repositories
        call.hub.repositories.setdefault(name, Repository(private))
    about = {"url": f"{call.hub.url}/datasets/{name}", "name": name, "id": name}
    return _json({**about, "error": "You already created this dataset repo"}, 409) if there else _json(about)


def _put(call: Call) -> Answer:
    if call.parts[1] == "verify":
        return Answer(200 if call.json()["oid"] in call.hub.large else 404)
    if hashlib.sha256(call.body).hexdigest() != call.parts[1]:
        return _error(400, "", "the content does not have this sha256")
    call.hub.large[call.parts[1]] = call.body
    return Answer(200, b"", {"ETag": f'"{call.parts[1]}"'})


def _batch(call: Call) -> Answer:
    if not call.known:
        return _error(401, "", "Unauthorized")
    objects = []
    for one in call.json()["objects"]:
        told: dict[str, Any] = {"oid": one["oid"], "size": one["size"]}
        if one["oid"] not in call.hub.large:
            upload = {"href": f"{call.hub.url}/large/{one['oid']}", "header": {}}
            told["actions"] = {"upload": upload, "verify": {"href": f"{call.hub.url}/large/verify", "header": {}}}
        objects.append(told)
    return Answer(
        200,
        json.dumps({"transfer": "basic", "objects": objects}).encode(),
        {"Content-Type": "application/vnd.git-lfs+json"},
    )


def _of_repository(call: Call) -> Answer:
    api = call.parts[0] == "api"
    inner = call.parts[1:] if api else call.parts
    if inner[0] != "datasets":
        return _error(404, "", f"no route for {call.method} {call.path}")
    name, rest = "/".join(inner[1:3]), inner[3:]
    there = call.hub.repositories.get(name)
    if there is None or (there.private and not call.known):
        return _error(404 if call.known else 401, "RepoNotFound", "Repository not found")
    if not api:
        return _file(call, there, rest)
    if not rest or rest[0] == "revision":
        return _about(name, there, rest[1] if rest else "main")
    if rest[0] == "refs":
        branch = {"name": "main", "ref": "refs/heads/main", "targetCommit": there.commits[-1][0]}
        return _json({"branches": [branch], "converts": [], "tags": []})
    if rest[0] in ("tree", "paths-info"):
        return _tree(call, there, rest)
    if not call.known:
        return _error(401, "", "Unauthorized")
    if rest[0] == "preupload":
        return _json({"files": [_mode(there, one) for one in call.json()["files"]]})
    if rest[0] == "commit":
        return _commit(call, name, there)
    return _error(404, "", f"no route for {call.method} {call.path}")


def _about(name: str, there: Repository, revision: str) -> Answer:
    found = there.at(revision)
    if found is None:
        return _error(404, "RevisionNotFound", "Invalid rev id")
    told = {"_id": "1", "id": name, "author": name.split("/")[0], "sha": found[0], "private": there.private}
    told |= {"gated": False, "disabled": False, "tags": [], "downloads": 0, "likes": 0}
    siblings = [{"rfilename": path} for path in sorted(found[2])]
    return _json({**told, "lastModified": DATE, "createdAt": DATE, "siblings": siblings})


def _mode(there: Repository, told: Mapping[str, Any]) -> dict[str, Any]:
    path = told["path"]
    data = there.files.get(path)
    oid = None if data is None else _sha256(data) if _is_large(path) else _git(data)
    return {"path": path, "uploadMode": "lfs" if _is_large(path) else "regular", "shouldIgnore": False, "oid": oid}


def _commit(call: Call, name: str, there: Repository) -> Answer:
    lines = [json.loads(line) for line in call.body.splitlines() if line.strip()]
    header = next(line["value"] for line in lines if line["key"] == "header")
    with call.hub.lock:
        if (parent := header.get("parentCommit")) and parent != there.commits[-1][0]:
            return _error(412, "", "A commit has happened since. Please refresh and try again.")
        files = dict(there.files)
        for line in lines:
            value = line["value"]
            if line["key"] == "file":
                files[value["path"]] = base64.b64decode(value["content"])
            elif line["key"] == "lfsFile":
                if value["oid"] not in call.hub.large:
                    return _error(400, "", f"{value['oid']} was not uploaded")
                files[value["path"]] = call.hub.large[value["oid"]]
            elif line["key"] == "deletedFile" and files.pop(value["path"], None) is None:
                return _error(404, "EntryNotFound", "A file with this name doesn't exist")
        digits = there.commit(header["summary"], files)
    url = f"{call.hub.url}/datasets/{name}/commit/{digits}"
    return _json({"success": True, "commitOid": digits, "commitUrl": url, "hookOutput": ""})


def _tree(call: Call, there: Repository, rest: Sequence[str]) -> Answer:
    found = there.at(rest[1])
    if found is None:
        return _error(404, "RevisionNotFound", "Invalid rev id")
    files = found[2]
    if rest[0] == "paths-info":
        typed = call.headers.get("Content-Type") or ""
        wanted = call.json()["paths"] if "json" in typed else parse_qs(call.body.decode()).get("paths", [])
        folders = [_folder(one) for one in wanted if any(path.startswith(f"{one}/") for path in files)]
        return _json([*(_entry(one, files[one]) for one in wanted if one in files), *folders])
    base = "/".join(rest[2:])
    inside = sorted(path for path in files if not base or path.startswith(f"{base}/"))
    if base and not inside:
        return _error(404, "EntryNotFound", f"{base} does not exist on main")
    deep = call.query.get("recursive", ["false"])[0].lower() in ("true", "1")
    level = len(base.split("/")) if base else 0
    told, folders = [], dict[str, None]()
    for path in inside:
        above = path.split("/")[:-1]
        folders |= {"/".join(above[:depth]): None for depth in range(level + 1, len(above) + 1)}
        if deep or len(above) == level:
            told.append(_entry(path, files[path]))
    shown = [one for one in folders if deep or one.count("/") == level]
    return _json([*map(_folder, shown), *told])


def _file(call: Call, there: Repository, rest: Sequence[str]) -> Answer:
    found = there.at(rest[1]) if rest[:1] == ["resolve"] and len(rest) > 2 else None
    if found is None:
        return _error(404, "RevisionNotFound", "Invalid rev id")
    path = "/".join(rest[2:])
    if (data := found[2].get(path)) is None:
        return _error(404, "EntryNotFound", "Entry not found")
    etag = _sha256(data) if _is_large(path) else _git(data)
    headers = {"X-Repo-Commit": found[0], "ETag": f'"{etag}"', "Accept-Ranges": "bytes"}
    headers["Content-Type"] = "application/octet-stream"
    if _is_large(path):
        headers |= {"X-Linked-Etag": f'"{etag}"', "X-Linked-Size": str(len(data))}
    span = call.headers.get("Range")
    if not span or call.method != "GET":
        return Answer(200, data, headers)
    first, _, last = span.removeprefix("bytes=").partition("-")
    start = int(first) if first else len(data) - int(last)
    stop = min(int(last), len(data) - 1) if first and last else len(data) - 1
    headers["Content-Range"] = f"bytes {start}-{stop}/{len(data)}"
    return Answer(206, data[start : stop + 1], headers)


def _entry(path: str, data: bytes) -> dict[str, Any]:
    told: dict[str, Any] = {"type": "file", "path": path, "size": len(data), "oid": _git(data)}
    if _is_large(path):
        told["lfs"] = {"oid": _sha256(data), "size": len(data), "pointerSize": 130}
    return told


def _folder(path: str) -> dict[str, Any]:
    return {"type": "directory", "path": path, "oid": "0" * 40, "size": 0}


def _json(value: object, status: int = 200) -> Answer:
    return Answer(status, json.dumps(value).encode())


def _error(status: int, code: str, message: str) -> Answer:
    told = {name: value for name, value in (("X-Error-Code", code), ("X-Error-Message", message)) if value}
    return Answer(status, json.dumps({"error": message}).encode(), told)


def _is_large(path: str) -> bool:
    return path.endswith(LARGE)


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _git(data: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()
