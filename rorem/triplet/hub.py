"""A set of triplets that lies on the Hugging Face Hub as a data set: Parquet shards, or the folder layout.

Files go to the Hub's own cache, whole or not at all, and are not fetched twice. What a repository held is noted there,
so that a set which is here in full can be opened without network. A token is taken from HF_TOKEN alone.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

from rorem.errors import BadData, Unavailable
from rorem.files import write_whole
from rorem.triplet.folder import META, ROOMS, open_folder
from rorem.triplet.sets import TripletSet
from rorem.triplet.shards import check_names, open_shards

if TYPE_CHECKING:
    from huggingface_hub.errors import HfHubHTTPError

OnFile = Callable[[int, int, str], None]  # files here, files in all, name of the last one
# owner/name, where in it, and @revision, which may hold slashes: refs/convert/parquet
ID = re.compile(r"(?P<repository>[\w-][\w.-]*/[\w-][\w.-]*)(?P<inside>(?:/[^/@]+)*)(?:@(?P<revision>.+))?")
MAIN = "main"
AT_ONCE = 8  # files; those of a folder are many and small
TRIES = 2 * AT_ONCE
TOLD = 4  # files named in a complaint
PUBLIC = "https://huggingface.co"


@dataclass(frozen=True)
class Listing:
    """What a repository holds at a revision. commit: 40 digits. files: paths."""

    commit: str
    files: tuple[str, ...]


def open_hub(
    name: str, environment: Mapping[str, str] = os.environ, on_file: OnFile = lambda done, total, name: None
) -> TripletSet:
    """The set "owner/name", "owner/name@revision" or, of several in one repository, "owner/name/where@revision".

    where: a folder, or how the names of the wanted shards begin: "data/test" for data/test-00000-of-00002.parquet.
    revision: a branch, a tag or a whole commit. Fetches what is not in the Hub's cache yet; HF_ENDPOINT is heeded.
    on_file: may raise, to stop; whole files stay. Raises BadData; Unavailable without huggingface_hub.
    """
    parsed = ID.fullmatch(name)
    if parsed is None:
        fix = "Such a name is owner/name or owner/name@revision."
        raise BadData(f"{name} is no name of a data set on the Hub.", fix)
    try:
        import huggingface_hub  # noqa: F401
    except ImportError as error:
        fix = "pip install 'rorem[eval]' brings it."
        raise Unavailable("Data sets from the Hub need the package huggingface_hub.", fix) from error
    repository = _Repository(parsed["repository"], parsed["revision"] or MAIN, environment)
    inside = parsed["inside"].strip("/")
    with repository.in_sentences():
        listing = repository.listing()
        shards = [file for file in listing.files if file.endswith(".parquet") and _is_in(file, inside)]
        check_names(shards, repository.name)
        wanted = shards or _folder(listing.files, inside)
        if not wanted:
            raise _nothing(repository, listing, inside)
        snapshot = repository.fetch(listing.commit, wanted, on_file)
    if shards:
        return open_shards([snapshot / shard for shard in shards], name, listing.commit)
    return open_folder(snapshot / inside, name=name, revision=listing.commit)


def _is_in(file: str, inside: str) -> bool:
    return not inside or file == inside or file.startswith((f"{inside}/", f"{inside}-"))


def _folder(files: Sequence[str], inside: str) -> list[str]:
    """The files of a set in the folder layout; none if there is no such set."""
    root = f"{inside}/" if inside else ""
    rooms = {room: [file for file in files if file.startswith(f"{root}{room}/")] for room in ROOMS.values()}
    listed = [file for file in files if file == root + META]
    if not (listed or rooms["mask"]) or not rooms["source"]:
        return []
    return [*listed, *(file for room in rooms.values() for file in room)]


def _nothing(repository: _Repository, listing: Listing, inside: str) -> BadData:
    files = [file for file in listing.files if not file.startswith(".") and _is_in(file, inside)]
    others = f" and {len(files) - TOLD} more" if len(files) > TOLD else ""
    where = f"{repository.name}/{inside}" if inside else repository.name
    return BadData(
        f"{where} holds neither Parquet shards nor photos in a folder source; "
        f"it has {', '.join(files[:TOLD]) or 'no files'}{others}.",
        "Archives have to be fetched and unpacked by hand; then name the folder.",
    )


class _Repository:
    """A data set on the Hub, and its place in the Hub's cache."""

    def __init__(self, name: str, revision: str, environment: Mapping[str, str]) -> None:
        from huggingface_hub import constants

        self.name, self._revision = name, revision
        self._endpoint = environment.get("HF_ENDPOINT", "").rstrip("/") or None
        self._token = environment.get("HF_TOKEN") or False  # False: not the one that somebody logged in with
        self._cache = Path(environment.get("HF_HUB_CACHE") or constants.HF_HUB_CACHE)
        home = self._cache / f"datasets--{name.replace('/', '--')}"
        self._note = home / "rorem" / f"{quote(revision, safe='')}.json"

    def listing(self) -> Listing:
        """What the Hub says, or what it said when it was last reached. Raises huggingface_hub's errors, OSError."""
        from huggingface_hub import HfApi
        from huggingface_hub.errors import HfHubHTTPError, OfflineModeIsEnabled
        from huggingface_hub.errors import HTTPError as NetworkError  # pyright: ignore[reportPrivateImportUsage]

        noted = self._noted()
        if noted and noted.commit == self._revision:  # a commit never changes
            return noted
        api = HfApi(endpoint=self._endpoint, token=self._token, library_name="rorem")
        try:
            commit = api.dataset_info(self.name, revision=self._revision).sha or self._revision
            files = api.list_repo_files(self.name, revision=commit, repo_type="dataset")
        except HfHubHTTPError:
            raise
        except (OfflineModeIsEnabled, NetworkError):
            if noted:
                return noted
            raise
        listing = Listing(commit, tuple(sorted(file for file in files if ".." not in file.split("/"))))
        with suppress(OSError):  # two processes may write it at once, and the set can be read without it
            write_whole(self._note, json.dumps(asdict(listing)).encode())
        return listing

    def fetch(self, commit: str, files: Sequence[str], on_file: OnFile) -> Path:
        """The folder in the cache that holds these files now. Raises huggingface_hub's errors, OSError."""
        from huggingface_hub import try_to_load_from_cache

        def here(file: str) -> bool:
            found = try_to_load_from_cache(self.name, file, self._cache, commit, repo_type="dataset")
            return isinstance(found, str)

        missing = [file for file in files if not here(file)]
        done = len(files) - len(missing)
        with ThreadPoolExecutor(AT_ONCE) as pool:
            started = {pool.submit(self._fetch_stubbornly, file, commit): file for file in missing}
            try:
                for one in as_completed(started):
                    one.result()
                    done += 1
                    on_file(done, len(files), started[one])
            except BaseException:
                pool.shutdown(cancel_futures=True)
                raise
        return self._note.parents[1] / "snapshots" / commit

    def _fetch_stubbornly(self, file: str, commit: str) -> None:
        """When one thread cannot connect, huggingface_hub closes the client that all of them use, and what the others
        get is a closed one (RuntimeError) or, for a moment, none (AttributeError). Then it is worth asking again."""
        from huggingface_hub.errors import HTTPError as NetworkError  # pyright: ignore[reportPrivateImportUsage]

        for left in reversed(range(TRIES)):
            try:
                return self._fetch_one(file, commit)
            except (RuntimeError, AttributeError) as error:
                if not left:
                    raise NetworkError(str(error)) from error

    def _fetch_one(self, file: str, commit: str) -> None:
        from huggingface_hub import hf_hub_download
        from huggingface_hub.utils import tqdm

        class Silent(tqdm):  # the library prints nothing; on_file tells how far it is
            def __init__(self, *args: object, **settings: object) -> None:
                super().__init__(*args, **{**settings, "disable": True})

        hf_hub_download(
            self.name,
            file,
            repo_type="dataset",
            revision=commit,
            cache_dir=self._cache,
            endpoint=self._endpoint,
            token=self._token,
            library_name="rorem",
            tqdm_class=Silent,
        )

    def _noted(self) -> Listing | None:
        try:
            noted = json.loads(self._note.read_bytes())
            return Listing(noted["commit"], tuple(noted["files"]))
        except (OSError, ValueError, KeyError, TypeError):
            return None

    @contextmanager
    def in_sentences(self) -> Iterator[None]:
        """Turns errors of the network and the disk into BadData."""
        from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError, OfflineModeIsEnabled
        from huggingface_hub.errors import HTTPError as NetworkError  # pyright: ignore[reportPrivateImportUsage]

        host = urlsplit(self._endpoint or PUBLIC).hostname
        try:
            yield
        except OfflineModeIsEnabled as error:
            sentence = f"HF_HUB_OFFLINE is set, and {self.name} is not on this machine in full."
            raise BadData(sentence, "Unset it, or name a folder on this machine.") from error
        except HfHubHTTPError as error:
            raise self._refused(error, host or "the Hub") from error
        except (NetworkError, LocalEntryNotFoundError) as error:
            fix = "Check the connection and try again; whole files are kept."
            raise BadData(
                f"{host} could not be reached, and {self.name} is not on this machine in full.", fix
            ) from error
        except OSError as error:
            why = (error.strerror or str(error)).lower()
            raise BadData(
                f"{self.name} cannot be kept in {self._cache} ({why}).", "HF_HOME names another place."
            ) from error

    def _refused(self, error: HfHubHTTPError, host: str) -> BadData:
        from huggingface_hub.errors import (
            GatedRepoError,
            RemoteEntryNotFoundError,
            RepositoryNotFoundError,
            RevisionNotFoundError,
        )

        page = f"{self._endpoint or PUBLIC}/datasets/{self.name}"
        match error:
            case GatedRepoError():
                fix = f"Accept them at {page}, and set HF_TOKEN."
                return BadData(f"{self.name} is only given to those who accept its conditions.", fix)
            case RepositoryNotFoundError():
                fix = "Check the name; for a private one, set HF_TOKEN."
                return BadData(f"There is no data set {self.name} at {host} that you may read.", fix)
            case RevisionNotFoundError():
                return BadData(f"{self.name} has no revision {self._revision}.", f"See {page}/commits/main.")
            case RemoteEntryNotFoundError():
                return BadData(
                    f"{self.name} lists a file that it does not give: {error.response.url}.", "Try again later."
                )
        status = error.response.status_code
        if status in (401, 403):
            return BadData(f"{host} does not let you read {self.name}.", "Set HF_TOKEN to a token that may.")
        return BadData(f"{host} answered {status} for {self.name}.", "Try again later; whole files are kept.")
