"""What goes wrong on the way from the web to the disk, in one sentence each."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from rorem.errors import MissingWeights, RoremError
from rorem.weights.parts import Hub, Part, Url

if TYPE_CHECKING:
    from huggingface_hub.errors import HfHubHTTPError

FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
CLOSED = {errno.EACCES, errno.EPERM, errno.EROFS}
AGAIN = "The same command goes on from there."
PUBLIC_HUB = "https://huggingface.co"


@contextmanager
def in_sentences(part: Part, place: Path, endpoint: str | None) -> Iterator[None]:
    """Turns errors of the network and the disk into MissingWeights. place: where the part was to go."""
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError, OfflineModeIsEnabled
    from huggingface_hub.errors import HTTPError as NetworkError  # pyright: ignore[reportPrivateImportUsage]

    try:
        yield
    except RoremError:
        raise
    except OfflineModeIsEnabled as error:
        sentence = f"HF_HUB_OFFLINE is set, so {part.about} was not fetched."
        raise MissingWeights(sentence, "Unset it, or copy the files from another machine.") from error
    except HfHubHTTPError as error:
        raise _refused(error, part, endpoint) from error
    except (NetworkError, LocalEntryNotFoundError) as error:
        fix = f"Check the connection and try again. {AGAIN}"
        raise MissingWeights(f"{_host(part, endpoint)} could not be reached.", fix) from error
    except OSError as error:
        raise _disk(error, part, place) from error


def _refused(error: HfHubHTTPError, part: Part, endpoint: str | None) -> MissingWeights:
    from huggingface_hub.errors import (
        GatedRepoError,
        RemoteEntryNotFoundError,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    status, host = error.response.status_code, _host(part, endpoint)
    if not isinstance(part.source, Hub):
        return MissingWeights(f"{host} does not give {part.about}: it answered {status} for {error.response.url}.")
    repository = part.source.repository
    page = f"{endpoint or PUBLIC_HUB}/{repository}"
    login = "`hf auth login` logs you in, if it is private."
    match error:
        case GatedRepoError():
            fix = f"Accept them at {page}, then `hf auth login`."
            return MissingWeights(f"{repository} is only given to those who accept its conditions.", fix)
        case RepositoryNotFoundError():
            return MissingWeights(f"There is no repository {repository} at {host} that you may read.", login)
        case RevisionNotFoundError():
            return MissingWeights(f"{repository} has no revision {part.source.revision}.", f"See {page}/commits/main.")
        case RemoteEntryNotFoundError():
            return MissingWeights(f"{repository} lists a file that it does not give: {error.response.url}.")
    if status in (401, 403):
        return MissingWeights(f"{host} does not let you read {repository}.", login)
    return MissingWeights(f"{host} answered {status} for {repository}.", f"Try again later. {AGAIN}")


def _disk(error: OSError, part: Part, place: Path) -> MissingWeights:
    where = error.filename or place
    if error.errno in FULL:
        return MissingWeights(f"There is no room left for {part.about} in {place}.", f"Free some. {AGAIN}")
    if error.errno in CLOSED:
        return MissingWeights(
            f"{part.about[0].upper()}{part.about[1:]} cannot be kept: {where} may not be written to.",
            "Set ROREM_WEIGHTS to a folder that is yours.",
        )
    return MissingWeights(f"{where} could not be written: {(error.strerror or str(error)).lower()}.")


def _host(part: Part, endpoint: str | None) -> str:
    address = part.source.address if isinstance(part.source, Url) else endpoint or PUBLIC_HUB
    return urlsplit(address).hostname or address
