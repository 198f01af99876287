"""`rorem labels sync` and `restore`: the data set on the Hub that the app pushes answers to."""

from __future__ import annotations

import os
import time
from typing import Annotated

import typer

from rorem.cli_labels.opening import LabelDir, Labels, opened, progress
from rorem.errors import BadOptions
from rorem.terminal import complain, say

TOKEN = "HF_TOKEN"
REPO = "owner/name; else ROREM_LABEL_HUB."
NONE = "There is no data set to push to."
ELSEWHERE = "Another process is pushing them at the moment."
NAMED = "Name it (owner/name), or set ROREM_LABEL_HUB."


def sync(
    repo: Annotated[str, typer.Argument(help=REPO)] = "",
    labels: Labels = None,
    label_dir: LabelDir = None,
) -> None:
    """Pushes what waits to the Hub now, once, with the token in HF_TOKEN.

    Exit code 1 if something went wrong or is left.
    """
    with opened(labels, label_dir) as desk:
        from rorem.labels import hub_removal
        from rorem.labels.syncing import Syncer

        name = repo or desk.settings.label_hub
        if not name:
            raise BadOptions(NONE, NAMED)
        public = desk.settings.label_hub_public
        token = os.environ.get(TOKEN, "")
        syncer = Syncer(desk.store, desk.pictures, desk.queue.plan, name, token, public=public)
        status = syncer.push_now()
        say(status.sentence)
        undeleted = len(desk.store.read(hub_removal.due))
        if undeleted:
            complain(f"{undeleted} withdrawn removal{'s are' if undeleted > 1 else ' is'} not deleted there yet.")
        if status.elsewhere and (undeleted or status.waiting):
            complain(ELSEWHERE)
        if not token or status.waiting or status.trouble or undeleted:
            raise typer.Exit(1)


def restore(
    repo: Annotated[str, typer.Argument(help=REPO)] = "",
    labels: Labels = None,
    label_dir: LabelDir = None,
) -> None:
    """Fills an empty label folder from the data set on the Hub: removals, pictures, answers, and who gave them."""
    with opened(labels, label_dir, new=True) as desk:
        from rorem.labels import restore as restoring
        from rorem.labels.hub_repository import HubRepository
        from rorem.labels.hub_trouble import HubTrouble

        name = repo or desk.settings.label_hub
        if not name:
            raise BadOptions(NONE, NAMED)
        if not restoring.is_wanted(desk.store):
            raise BadOptions("There are answers here already.", "Restore into a new --label-dir.")
        repository = HubRepository(name, os.environ.get(TOKEN, ""))
        try:
            with progress(name) as on_step:
                told = restoring.restore(desk.store, desk.queue.plan, repository, _now, on_step)
        except HubTrouble as error:
            complain(error.advice)
            raise typer.Exit(1) from error
        say(f"{told.items} removals and {told.events} labels came back from {name}.")


def _now() -> int:
    return int(time.time() * 1000)
