"""Who answers: a pseudonym made with a secret key. Names are never kept.

The key outlives the disk (ROREM_LABEL_KEY), so that the same person has the same pseudonym after a new start. Whoever
has the key can tell whether a name belongs to a pseudonym; nobody else can.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import os
import re
import secrets
import unicodedata
from collections.abc import Mapping
from pathlib import Path

from rorem.errors import BadOptions, RoremError

VARIABLE = "ROREM_LABEL_KEY"
SHORTEST = 16  # characters of a key
LONGEST_NAME = 40
SIGNS = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"  # 32 of them, so that every one is as likely
TOKEN = re.compile(r"([0-9a-f]{32})\.[0-9a-f]{40}")


class NotAllowed(RoremError):
    """Someone asks for what is not theirs."""

    fix = "Enter your name again."


def key_from(environment: Mapping[str, str], folder: Path) -> bytes:
    """The key of the environment, or else of a file in this folder, made when there is none.

    Two processes that start at once get the same. Raises BadOptions for a key that is too short, OSError.
    """
    if told := environment.get(VARIABLE, "").strip():
        if len(told) < SHORTEST:
            raise BadOptions(f"{VARIABLE} is too short to be a secret.", f"Take at least {SHORTEST} characters.")
        return told.encode("utf-8", "surrogateescape")
    path = folder / "label.key"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        _make(path)
    key = path.read_bytes().strip()
    if len(key) < SHORTEST:
        raise BadOptions(f"The key in {path} is too short to be a secret.", "Put back the one that was there.")
    return key


def _make(path: Path) -> None:
    """A file with a new key; one that is there stays. Whole or not at all, where the disk knows hard links."""
    part = path.with_name(f".{path.name}.{secrets.token_hex(8)}.part")
    handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(secrets.token_hex(32).encode())
            file.flush()
            os.fsync(file.fileno())
        with contextlib.suppress(FileExistsError):
            _place(part, path)
    finally:
        part.unlink(missing_ok=True)


def _place(part: Path, path: Path) -> None:
    """Gives a file its name. Raises FileExistsError where another one has it, OSError."""
    try:
        os.link(part, path)
    except FileExistsError:
        raise
    except (OSError, NotImplementedError):  # a disk without hard links
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(part.read_bytes())
                file.flush()
                os.fsync(file.fileno())
        except BaseException:
            path.unlink(missing_ok=True)
            raise


class Identities:
    """Makes pseudonyms and the tokens by which a browser proves whose they are."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def pseudonym(self, kind: str, name: str) -> str:
        """32 hex digits. kind: where the name comes from (hf, nickname, visitor), so that they do not mix."""
        plain = unicodedata.normalize("NFKC", name).strip().casefold()
        return self._digest("annotator", kind, plain)[:32]

    def token(self, pseudonym: str) -> str:
        return f"{pseudonym}.{self._digest('token', pseudonym)[:40]}"

    def read_token(self, token: str) -> str:
        """The pseudonym that a token stands for. Raises NotAllowed."""
        found = TOKEN.fullmatch(token)
        if found is None or not hmac.compare_digest(self.token(found[1]), token):
            raise NotAllowed("The server does not know who you are.")
        return found[1]

    def code(self, session: str, item: str) -> str:
        """The withdrawal code for what was shared in a session: 20 signs without those that look alike, 100 bits.

        Asked again it is the same, so that a code whose answer was lost on its way can be had once more. session: its
        secret token.
        """
        digest = bytes.fromhex(self._digest("share", session, item))
        letters = "".join(SIGNS[byte % len(SIGNS)] for byte in digest[:20])
        return "-".join(letters[at : at + 5] for at in range(0, 20, 5))

    def code_hash(self, code: str) -> str:
        """Of a withdrawal code; what is kept of it. 64 hex digits."""
        return self._digest("code", "".join(sign for sign in code.upper() if sign.isalnum()))

    def _digest(self, *parts: str) -> str:
        return hmac.new(self._key, "\0".join(parts).encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()
