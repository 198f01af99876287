"""The line in front of the machine: whose turn it is, who waits, and how much one visitor may ask for.

Gradio's own queue knows neither visitors nor limits for each, and holds the place of a job that was cancelled until it
ends; so every removal takes a ticket here instead.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

from rorem.errors import RoremError


class Busy(RoremError):
    """No more work is taken on just now."""


@dataclass(eq=False)
class Ticket:
    """One job's place. `line` is where it stands."""

    visitor: str
    line: Line = field(repr=False)

    def position(self) -> int:
        """How many are served first; 0 = it is this job's turn."""
        return self.line.position(self)

    def wait(self, seconds: float) -> bool:
        """Waits at most that long; True once it is this job's turn."""
        return self.line.wait(self, seconds)

    def leave(self) -> None:
        """Gives the place up, whether waiting or done. May be called twice."""
        self.line.leave(self)


class Line:
    """places: jobs that run at once. per_visitor: jobs of one visitor in the line. longest: jobs waiting in all."""

    def __init__(self, places: int, per_visitor: int, longest: int) -> None:
        self._places = places
        self._per_visitor = per_visitor
        self._longest = longest
        self._tickets: list[Ticket] = []
        self._moved = threading.Condition()

    def join(self, visitor: str) -> Ticket:
        """Takes a place at the end. Raises Busy in one sentence when there is none to take."""
        with self._moved:
            if sum(ticket.visitor == visitor for ticket in self._tickets) >= self._per_visitor:
                raise Busy("You have several removals waiting already.", "Wait for one to finish or stop it.")
            if len(self._tickets) >= self._places + self._longest:
                raise Busy("Too many people are waiting right now.", "Please try again in a minute.")
            ticket = Ticket(visitor, self)
            self._tickets.append(ticket)
            return ticket

    def position(self, ticket: Ticket) -> int:
        with self._moved:
            return self._position(ticket)

    def wait(self, ticket: Ticket, seconds: float) -> bool:
        with self._moved:
            return self._moved.wait_for(lambda: self._position(ticket) == 0, seconds)

    def leave(self, ticket: Ticket) -> None:
        with self._moved:
            if ticket in self._tickets:
                self._tickets.remove(ticket)
                self._moved.notify_all()

    def emptied(self, seconds: float) -> bool:
        """Waits at most that long until nobody waits or works; True once it is so."""
        with self._moved:
            return self._moved.wait_for(lambda: not self._tickets, seconds)

    def _position(self, ticket: Ticket) -> int:
        return max(0, self._tickets.index(ticket) - self._places + 1) if ticket in self._tickets else 0
