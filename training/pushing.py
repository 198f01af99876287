"""Publishing a run's result as a model on the Hub."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path

from rorem.errors import BadOptions
from rorem.labels.hub_trouble import in_sentences
from training.output import RESULT

NAME = re.compile(r"[\w-][\w.-]*/[\w-][\w.-]*")
TOKEN = "HF_TOKEN"


def check_name(name: str, environment: Mapping[str, str] = os.environ) -> None:
    """Raises BadOptions for what is no name of a model, and without a token: better before days of training."""
    if not NAME.fullmatch(name):
        raise BadOptions(f"{name[:80]} is no name of a model on the Hub.", "Such a name is owner/name.")
    if not environment.get(TOKEN):
        raise BadOptions("There is no token for the Hub.", f"Put one that may write into {TOKEN}.")


def push(out: Path, name: str, public: bool = False, environment: Mapping[str, str] = os.environ) -> str:
    """Puts OUT/result into a model repository, in one commit; makes it, private, where there is none. Its address.

    Raises BadOptions without a result; HubTrouble.
    """
    from huggingface_hub import HfApi

    check_name(name, environment)
    folder = out / RESULT
    if not folder.is_dir():
        raise BadOptions(f"{out} holds no result yet.", "Let the run come to its end first.")
    token = environment[TOKEN]
    api = HfApi(token=token)
    with in_sentences(name, token):
        url = api.create_repo(name, repo_type="model", private=not public, exist_ok=True)
        api.upload_folder(repo_id=name, folder_path=folder, repo_type="model", commit_message="Trained with RORem")
    return str(url)
