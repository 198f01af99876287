"""What identifies a triplet, and that the package costs nothing to import."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from dataclasses import replace

from rorem.triplet import Triplet


def digits(text: bytes) -> str:
    return hashlib.sha256(text).hexdigest()


def test_ids_are_made_of_the_pictures_alone() -> None:
    one = Triplet("a", b"s", b"m", b"r", method="lama", extra={"x": 1})
    assert one.id == digits(":".join(map(digits, (b"s", b"m", b"r"))).encode())
    assert one.sample == digits(f"{digits(b's')}:{digits(b'm')}".encode())
    assert one.hashes == {"sha256_source": digits(b"s"), "sha256_mask": digits(b"m"), "sha256_result": digits(b"r")}
    other = replace(one, name="b", method="", extra={})
    assert (other.id, other.sample) == (one.id, one.sample)
    bare = replace(one, result=None)
    assert bare.id != one.id and bare.sample == one.sample and bare.hashes["sha256_result"] is None
    assert len({replace(one, **{part: b"?"}).id for part in ("source", "mask", "result")} | {one.id}) == 4


def test_importing_is_light() -> None:
    heavy = "pyarrow", "datasets", "torch", "huggingface_hub", "pandas", "cv2"
    code = f"import sys, rorem.triplet; print([name for name in {heavy} if name in sys.modules])"
    asked = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert asked.stdout.strip() == "[]"
