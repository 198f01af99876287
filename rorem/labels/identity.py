"""Who answers: a pseudonym made with a secret key. Names are never kept.

The key outlives the disk (ROREM_LABEL_KEY), so that the same person has the same pseudonym after a new start. Whoever
has the key can tell whether a name belongs to a pseudonym; nobody else can.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from collections.abc import Mapping
from pathlib import Path

from rorem.errors import BadOptions, RoremError

VARIABLE = "ROREM_LABEL_KEY"
SHORTEST = 16  # characters of a key
LONGEST_NAME = 40


class NotAllowed(RoremError):
    """Someone asks for what is not theirs."""

    fix = "Enter your name again."


def key_from(environment: Mapping[str, str], folder: Path) -> bytes:
    """The key of the environment, or else of a file in this folder, made when there is none.

    Raises BadOptions for a key that is too short, OSError.
    """
    if told := environment.get(VARIABLE, ""):
        if len(told) < SHORTEST:
            raise BadOptions(f"{VARIABLE} is too short to be a secret.", f"Take at least {SHORTEST} characters.")
        return told.encode()
    path = folder / "label.key"
    folder.mkdir(parents=True, exist_ok=True)
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return path.read_bytes()
    with os.fdopen(handle, "wb") as file:
        file.write(secrets.token_hex(32).encode())
        file.flush()
        os.fsync(file.fileno())
    return path.read_bytes()


class Identities:
    """Makes pseudonyms and the tokens by which a browser proves whose they are."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def pseudonym(self, kind: str, name: str) -> str:
        """32 hex digits. kind: where the name comes from (hf, nickname, visitor), so that they do not mix."""
        return self._digest("annotator", kind, name.strip().casefold())[:32]

    def token(self, pseudonym: str) -> str:
        return f"{pseudonym}.{self._digest('token', pseudonym)[:40]}"

    def read_token(self, token: str) -> str:
        """The pseudonym that a token stands for. Raises NotAllowed."""
        pseudonym, _, proof = token.partition(".")
        expected = self._digest("token", pseudonym)[:40]
        if not hmac.compare_digest(proof.encode(), expected.encode()):
            raise NotAllowed("The server does not know who you are.")
        return pseudonym

    def code_hash(self, code: str) -> str:
        """Of a withdrawal code; what is kept of it. 64 hex digits."""
        return self._digest("code", "".join(sign for sign in code.upper() if sign.isalnum()))

    def _digest(self, *parts: str) -> str:
        return hmac.new(self._key, "\0".join(parts).encode(), hashlib.sha256).hexdigest()


def new_code() -> str:
    """A withdrawal code to be shown once: 20 signs without those that look alike, 98 bits."""
    signs = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
    letters = "".join(secrets.choice(signs) for _ in range(20))
    return "-".join(letters[at : at + 5] for at in range(0, 20, 5))
