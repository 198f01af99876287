"""A data set on the Hub with the content of its files, and commits that rename what is there."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from rorem.labels.hub_repository import HubRepository
from rorem.labels.hub_trouble import HubTrouble, in_sentences


@dataclass(frozen=True)
class Stored:
    """A file on the Hub. sha256: of its content, hex; "" for small ones, of which the Hub does not tell it. blob: the
    digits by which git knows it, of a file that is kept by content those of a pointer."""

    size: int
    sha256: str
    blob: str


@dataclass(frozen=True)
class Tree:
    """What a data set holds at a commit, by paths. private: whether only some may see it."""

    commit: str
    files: Mapping[str, Stored]
    private: bool

    def holding(self, sha256: str) -> str | None:
        """The path of a file with this content, if the Hub says that there is one."""
        return next((path for path, one in sorted(self.files.items()) if one.sha256 == sha256), None)


class DataRepository(HubRepository):
    """Every method raises HubTrouble, and Unavailable without huggingface_hub."""

    def tree(self, revision: str = "main") -> Tree:
        """Raises NoRepository where there is none."""
        from huggingface_hub.hf_api import RepoFile

        api = self._api()
        with in_sentences(self.name, self._token):
            about = api.dataset_info(self.name, revision=revision)
            commit = about.sha or revision
            found = api.list_repo_tree(self.name, recursive=True, revision=commit, repo_type="dataset")
            files = {
                one.path: Stored(one.size, one.lfs.sha256 if one.lfs else "", one.blob_id)
                for one in found
                if isinstance(one, RepoFile)
            }
        return Tree(commit, files, bool(about.private))

    def rearrange(
        self, title: str, copies: Mapping[str, str], adds: Mapping[str, bytes], deletes: Iterable[str], parent: str
    ) -> None:
        """One commit on top of `parent`, or none: Conflict where that is not the last one any more.

        copies: the paths of what is there already, by where it is to be; nothing is uploaded for them.
        """
        from huggingface_hub import CommitOperationAdd, CommitOperationCopy, CommitOperationDelete

        if not parent:
            raise HubTrouble("The Hub's answer cannot be understood.")
        api = self._api()
        operations = [
            *(CommitOperationCopy(src_path_in_repo=source, path_in_repo=path) for path, source in copies.items()),
            *(CommitOperationAdd(path_in_repo=path, path_or_fileobj=data) for path, data in adds.items()),
            *(CommitOperationDelete(path_in_repo=path, is_folder=False) for path in deletes),
        ]
        with in_sentences(self.name, self._token):
            api.create_commit(self.name, operations, commit_message=title, repo_type="dataset", parent_commit=parent)
