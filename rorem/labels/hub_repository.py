"""A data set on the Hub: what it holds, fetching from it, and commits that are made whole or not at all."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rorem.errors import BadOptions, Unavailable
from rorem.labels.hub_trouble import Conflict, HubTrouble, in_sentences

NAME = re.compile(r"[\w-][\w.-]*/[\w-][\w.-]*")
README = "README.md"
# huggingface_hub itself waits for ever, so a Hub that does not answer would stop all pushes.
PATIENCE = 120.0  # s without a sign of the Hub


@dataclass(frozen=True)
class Head:
    """The last commit: 40 digits, and the paths of all files."""

    commit: str
    files: frozenset[str]


class HubRepository:
    """Talks to the Hub; every method but the first raises HubTrouble, and Unavailable without huggingface_hub.

    The token is in no sentence, no log and no repr.
    """

    def __init__(
        self, name: str, token: str, *, public: bool = False, endpoint: str = "", patience: float = PATIENCE
    ) -> None:
        """name: owner/name. public: when it has to be created. endpoint: "" = what HF_ENDPOINT says.

        patience: s that may pass without a sign of the Hub. Raises BadOptions for a name that is none.
        """
        if not NAME.fullmatch(name):
            raise BadOptions(f"{name[:80]} is no name of a data set on the Hub.", "Such a name is owner/name.")
        self.name = name
        self._token = token
        self._public = public
        self._endpoint = endpoint.rstrip("/")
        self._patience = patience

    def __repr__(self) -> str:
        return f"HubRepository({self.name!r})"

    def head(self) -> Head:
        """Raises NoRepository where there is none."""
        api = self._api()
        with in_sentences(self.name, self._token):
            told = api.dataset_info(self.name)
            if told.siblings is None:  # an empty data set has an empty list
                raise HubTrouble("The Hub's answer cannot be understood.")
            return Head(told.sha or "", frozenset(one.rfilename for one in told.siblings))

    def create(self) -> None:
        """Makes it unless it is there; private, if it was not told otherwise."""
        api = self._api()
        with in_sentences(self.name, self._token):
            api.create_repo(self.name, repo_type="dataset", private=not self._public, exist_ok=True)

    def commit(
        self,
        title: str,
        adds: Mapping[str, Path | bytes],
        deletes: Iterable[str],
        parent: str,
        still: Callable[[], bool] = lambda: True,
    ) -> None:
        """One commit on top of `parent`, or none: Conflict where that is not the last one any more.

        still: whether it may be made, asked when all is uploaded; uploading takes long. Conflict where it may not.
        """
        from huggingface_hub import CommitOperationAdd, CommitOperationDelete

        api = self._api()
        with in_sentences(self.name, self._token):
            files = [CommitOperationAdd(path_in_repo=path, path_or_fileobj=data) for path, data in adds.items()]
            api.preupload_lfs_files(self.name, files, repo_type="dataset", free_memory=False)
            if not still():
                raise Conflict(f"What was to go to {self.name} has changed meanwhile.")
            operations = [*files, *(CommitOperationDelete(path_in_repo=path, is_folder=False) for path in deletes)]
            parent_commit = parent or None
            api.create_commit(
                self.name, operations, commit_message=title, repo_type="dataset", parent_commit=parent_commit
            )

    def fetch(self, path: str, commit: str, folder: Path) -> Path:
        """A file of that commit, in this folder. It is up to the caller to delete it."""
        from huggingface_hub import hf_hub_download

        self._api()
        with in_sentences(self.name, self._token):
            return Path(
                hf_hub_download(
                    self.name,
                    path,
                    repo_type="dataset",
                    revision=commit,
                    local_dir=folder,
                    endpoint=self._endpoint or None,
                    token=self._token or False,
                    library_name="rorem",
                )
            )

    def _api(self) -> Any:
        try:
            from huggingface_hub import HfApi
        except ImportError as error:
            fix = "pip install 'rorem[labels]' brings it."
            raise Unavailable("Pushing to the Hub needs the package huggingface_hub.", fix) from error
        limit_waiting(self._patience)
        return HfApi(endpoint=self._endpoint or None, token=self._token or False, library_name="rorem")


def limit_waiting(patience: float) -> None:
    """Has huggingface_hub, in this process, give up on a Hub that is silent for so long."""
    from huggingface_hub import get_session, set_client_factory
    from huggingface_hub.utils._http import default_client_factory

    if get_session().timeout.read == patience:
        return

    def patient() -> Any:
        client = default_client_factory()
        client.timeout = patience
        return client

    set_client_factory(patient)
