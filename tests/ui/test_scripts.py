"""The scripts of a component run as one: a name that two of them declare would silently be the later one's."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest

from rorem.ui import compare_tab, label_tab, painter

DECLARED = re.compile(r"^(?:async )?(?:function\*?|const|let|class) (\w+)", re.M)


@pytest.mark.parametrize("room", [painter, compare_tab, label_tab], ids=lambda room: room.__name__)
def test_no_name_is_declared_twice(room: object) -> None:
    scripts: tuple[str, ...] = room.SCRIPTS  # type: ignore[attr-defined]
    here = Path(painter.__file__).parent
    names = Counter(name for script in scripts for name in DECLARED.findall((here / script).read_text("utf-8")))
    assert len(names) > 10 and [name for name, count in names.items() if count > 1] == []
