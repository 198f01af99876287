"""What a tool left out and why: counted by kind, with some examples by name."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

EXAMPLES = 5  # of each kind; the others are counted


@dataclass
class Tally:
    """Grows while a tool runs. counts: by kind, such as "cut by the border". examples: names, with a reason if any."""

    counts: Counter[str] = field(default_factory=Counter)
    examples: dict[str, list[str]] = field(default_factory=dict)

    def add(self, kind: str, name: str = "", reason: str = "") -> None:
        self.counts[kind] += 1
        some = self.examples.setdefault(kind, [])
        if name and len(some) < EXAMPLES:
            some.append(f"{name} ({reason})" if reason else name)

    def join(self, other: Tally) -> None:
        """Adds what another one counted, as one of another process."""
        self.counts.update(other.counts)
        for kind, some in other.examples.items():
            mine = self.examples.setdefault(kind, [])
            mine += some[: EXAMPLES - len(mine)]

    @property
    def total(self) -> int:
        return self.counts.total()

    def lines(self) -> Iterator[str]:
        """A sentence for each kind, the most frequent first."""
        for kind, count in sorted(self.counts.items(), key=lambda one: (-one[1], one[0])):
            some = ", ".join(self.examples.get(kind, []))
            more = ", ..." if some and count > len(self.examples[kind]) else ""
            yield f"{count:,} {kind}" + (f": {some}{more}" if some else "")
