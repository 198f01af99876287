"""One file from the web: goes on where it was broken off, and is there whole and checked or not at all."""

from __future__ import annotations

import base64
import binascii
import hashlib
import http.client
import json
import os
import re
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from email.message import Message
from pathlib import Path
from urllib.parse import quote, urlsplit

from rorem.errors import BadData, Unavailable

OnBytes = Callable[[int, int], None]  # bytes here, bytes in all or 0; may raise, to stop
TRIES = 4  # in a row that bring nothing before we give up
PAUSE = 1.0  # s before the second of them, twice that before the third
TIMEOUT = 30.0  # s without a byte
BUSY = {408, 425, 429, 500, 502, 503, 504}  # answers after which it is worth asking again
GONE = {403, 404, 410}  # Amazon's storage says 403 of a file that is not there
BLOCK = 1 << 20
LATER = "Check the network; the same command goes on from there."
SAFE = "/%:@!$&'()*+,;=~?"  # signs of an address that stay as they are; "%", as most are encoded already


class Gone(BadData):
    """The server has no such file."""


@dataclass(frozen=True)
class Wanted:
    """What a file has to be. bytes: 0 = unknown. md5: hex, "" = unknown. most: bytes it may have at most, 0 = any."""

    bytes: int = 0
    md5: str = ""
    most: int = 0


def fetch(
    url: str,
    target: Path,
    wanted: Wanted = Wanted(),
    on_bytes: OnBytes = lambda done, total: None,
    pause: Callable[[float], None] = time.sleep,
) -> None:
    """Fetches a file to `target`, with the folders it needs.

    What came so far lies beside it, hidden, and is gone on with as long as the server still has the same file. Size and
    MD5 are checked against what is wanted, and against what the server says of them (Google's storage in x-goog-hash,
    Amazon's in the ETag). Raises Gone, BadData for another content or no address, Unavailable for a network that fails
    or a server that refuses, and OSError.
    """
    address = encoded(url)
    part, note = (target.with_name(f".{target.name}.{end}") for end in ("part", "version"))
    target.parent.mkdir(parents=True, exist_ok=True)
    idle = 0
    while True:
        before = _size(part)
        try:
            wanted = _go_on(address, part, note, wanted, on_bytes)
            if wrong := difference(part, wanted):
                raise BadData(f"{url} did not arrive as it was published: {wrong}.", "Fetch it again later.")
            break
        except BadData:
            part.unlink(missing_ok=True)
            note.unlink(missing_ok=True)
            raise
        except urllib.error.HTTPError as error:
            error.close()
            if error.code in GONE:
                raise Gone(f"{url} is not there.", "Leave it out.") from error
            if error.code not in BUSY:
                raise Unavailable(f"{url} could not be fetched: the server answers {error.code}.", LATER) from error
            cause: Exception = error
        except (urllib.error.URLError, http.client.HTTPException, TimeoutError, ConnectionError) as error:
            cause = error
        idle = 1 if _size(part) > before else idle + 1
        if idle == TRIES:
            raise Unavailable(f"{url} could not be fetched.", LATER) from cause
        pause(PAUSE * 2 ** (idle - 1))
    with part.open("rb") as file:
        os.fsync(file.fileno())
    part.replace(target)
    note.unlink(missing_ok=True)


def encoded(url: str) -> str:
    """An address as servers understand it: other signs than ASCII and spaces encoded. Raises BadData for none."""
    wrong = BadData(f"{url} is no address on the web.", "Leave it out.")
    try:
        told = urlsplit(url.strip())
        host, port = (told.hostname or "").encode("idna").decode(), told.port
        path, query = (quote(part, safe=SAFE) for part in (told.path, told.query))
    except ValueError as error:
        raise wrong from error
    if told.scheme not in ("http", "https") or not host or " " in host or not host.isprintable():
        raise wrong
    host = f"[{host}]" if ":" in host else host
    return f"{told.scheme}://{host}{f':{port}' if port else ''}{path}{f'?{query}' if query else ''}"


def difference(path: Path, wanted: Wanted) -> str:
    """What is wrong with a file, as the end of a sentence; "" if nothing is. Raises OSError."""
    size = path.stat().st_size
    if wanted.bytes and size != wanted.bytes:
        return f"it has {size} bytes instead of {wanted.bytes}"
    if wanted.md5:
        with path.open("rb") as file:
            md5 = hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
        if md5 != wanted.md5:
            return f"its MD5 is {md5[:8]}... instead of {wanted.md5[:8]}..."
    return ""


def _go_on(url: str, part: Path, note: Path, wanted: Wanted, on_bytes: OnBytes) -> Wanted:
    """One request for what is missing; what the file has to be, as far as that is known now."""
    done = _size(part)
    version, md5 = _known(note, url)
    headers = {"User-Agent": "rorem", "Accept-Encoding": "identity"}
    if done and version:
        headers |= {"Range": f"bytes={done}-", "If-Range": version}
    else:
        done = 0
    try:
        response = urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=TIMEOUT)
    except (http.client.InvalidURL, ValueError) as error:  # the server says that it is elsewhere
        raise BadData(f"{url} leads to no address on the web.", "Leave it out.") from error
    except urllib.error.HTTPError as error:
        if error.code != 416:
            raise
        error.close()
        if error.headers.get("Content-Range") == f"bytes */{done}":  # a kill came between the last byte and the name
            return Wanted(wanted.bytes or done, wanted.md5 or md5)
        part.unlink(missing_ok=True)
        raise ConnectionError("the file has become shorter") from error
    with response:
        if response.status != 206:  # all of it comes, whatever we asked for
            done = 0
            part.unlink(missing_ok=True)
            md5 = md5_of(response.headers)
            _remember(note, url, response.headers, md5)
        length = int(response.headers.get("Content-Length") or 0)
        total = done + length if length else 0
        with part.open("ab") as file:
            _check_room(url, max(done, total), wanted)
            on_bytes(done, total)
            while block := response.read(BLOCK):
                _check_room(url, done + len(block), wanted)
                file.write(block)
                done += len(block)
                on_bytes(done, total)
        if total and done < total:
            raise ConnectionError("the line was cut")
    return Wanted(wanted.bytes or total, wanted.md5 or md5)


def _check_room(url: str, size: int, wanted: Wanted) -> None:
    if wanted.most and size > wanted.most:
        raise BadData(f"{url} has more than {wanted.most / 1e6:,.1f} MB.", "Leave it out.")


def md5_of(headers: Message) -> str:
    """The MD5 of a whole file as a storage server tells it, hex; "" if it does not."""
    for pair in ",".join(headers.get_all("x-goog-hash", [])).split(","):  # one header for each kind, or one for both
        kind, _, digest = pair.strip().partition("=")
        if kind == "md5":
            return from_base64(digest)
    tag = (headers.get("ETag") or "").strip('"')
    # Only there is the ETag an MD5, and not of files that were sent in pieces or lie encrypted with a key of their own.
    amazon = headers.get("Server") == "AmazonS3" and headers.get("x-amz-server-side-encryption", "AES256") == "AES256"
    return tag if amazon and re.fullmatch(r"[0-9a-f]{32}", tag) else ""


def from_base64(text: str) -> str:
    """An MD5, hex; "" for what is none."""
    try:
        digest = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return ""
    return digest.hex() if len(digest) == 16 else ""


def _known(note: Path, url: str) -> tuple[str, str]:
    """By which the server knows the file that the start came from, and its MD5; "" for what is not known."""
    try:
        told = json.loads(note.read_bytes())
        return (str(told["version"]), str(told["md5"])) if told["url"] == url else ("", "")
    except (OSError, ValueError, TypeError, KeyError):
        return "", ""


def _remember(note: Path, url: str, headers: Message, md5: str) -> None:
    tag = headers.get("ETag") or ""
    version = tag if tag and not tag.startswith("W/") else headers.get("Last-Modified") or ""
    note.write_text(json.dumps({"url": url, "version": version, "md5": md5}))


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0
