"""What can go wrong with the Hub, in a sentence for a person and with what the syncer needs to know."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import quote

from rorem.errors import RoremError

CONFLICTS = (409, 412)  # statuses for a commit whose parent is not the last one
REFUSALS = (401, 403)


class HubTrouble(RoremError):
    """The Hub did not do what it was asked for. Nothing is lost by it.

    refused: the token was, so there is no use in trying again soon. wait: s that the Hub asked for. detail: for the
    log, without the token.
    """

    fix = "Nothing is lost; it is tried again."

    def __init__(
        self, sentence: str, fix: str = "", *, refused: bool = False, wait: float = 0.0, detail: str = ""
    ) -> None:
        super().__init__(sentence, fix)
        self.refused = refused
        self.wait = wait
        self.detail = detail


class NoRepository(HubTrouble):
    """There is no such data set, or not for this token."""


class Conflict(HubTrouble):
    """Somebody else has made a commit meanwhile."""


def scrubbed(text: str, token: str) -> str:
    """A text from elsewhere without the token, in whichever way it is written there."""
    for secret in {token, quote(token, safe="")} if token else ():
        text = text.replace(secret, "***")
    return text


@contextmanager
def in_sentences(name: str, token: str) -> Iterator[None]:
    """Turns what huggingface_hub raises into HubTrouble, and keeps it from drawing bars on the terminal.

    What the Hub said goes to `detail` alone.

    The errors that it came from are cut off: their texts and what they refer to may hold the token.
    """
    from huggingface_hub.errors import HTTPError as NetworkError  # pyright: ignore[reportPrivateImportUsage]
    from huggingface_hub.utils import disable_progress_bars

    try:
        with disable_progress_bars():
            yield
        return
    except (RoremError, GeneratorExit, KeyboardInterrupt, SystemExit):
        raise
    except (OSError, ValueError, RuntimeError, AttributeError, NetworkError) as error:
        trouble = _told(name, error)
        trouble.detail = scrubbed(f"{type(error).__name__}: {error}", token)
    raise trouble


def _told(name: str, error: BaseException) -> HubTrouble:
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError, OfflineModeIsEnabled
    from huggingface_hub.errors import HTTPError as NetworkError  # pyright: ignore[reportPrivateImportUsage]

    if isinstance(error, RuntimeError) and isinstance(error.__cause__, Exception):  # of an upload of one file
        return _told(name, error.__cause__)
    match error:
        case OfflineModeIsEnabled():
            return HubTrouble("HF_HUB_OFFLINE is set, so the Hub is not asked.", "Unset it to push the answers.")
        case HfHubHTTPError():
            return _answered(name, error)
        case LocalEntryNotFoundError() | NetworkError():
            return HubTrouble("The Hub cannot be reached.")
        case RuntimeError() | AttributeError():  # another thread's trouble has closed the connection that all share
            return HubTrouble("The connection to the Hub was lost.")
        case ValueError():
            return HubTrouble("The Hub's answer cannot be understood.")
    return HubTrouble("A file for the Hub cannot be written or read here.", "Check that the disk has room.")


def _answered(name: str, error: BaseException) -> HubTrouble:
    from huggingface_hub.errors import HfHubHTTPError, RepositoryNotFoundError

    assert isinstance(error, HfHubHTTPError)
    status = error.response.status_code
    if isinstance(error, RepositoryNotFoundError):
        return NoRepository(f"There is no data set {name} that the token may read.", "Check its name and HF_TOKEN.")
    if status in REFUSALS:
        return HubTrouble("The Hub refused the token.", f"HF_TOKEN must be allowed to write to {name}.", refused=True)
    if status in CONFLICTS:
        return Conflict(f"Others write to {name} at the moment.")
    wait = _seconds(error.response.headers.get("Retry-After"))
    if status == 429:
        return HubTrouble("The Hub asks to be left alone for a while.", wait=wait)
    if status >= 500:
        return HubTrouble("The Hub has a fault at the moment.", wait=wait)
    return HubTrouble(f"The Hub did not take it (it answered {status}).", "The log tells more; it is tried again.")


def _seconds(told: str | None) -> float:
    """Of a Retry-After header; 0 for none and for a date."""
    return float(told) if told and told.strip().isdigit() else 0.0
