"""What OpenImages publishes on the web, fetched into a folder that then looks as people keep it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from data_tools.openimages import layout
from data_tools.openimages.fetching import OnBytes, Wanted, fetch
from data_tools.openimages.photo_list import PhotoRow
from data_tools.openimages.settings import Settings
from rorem.triplet.folder import LARGEST

# Tells of one file after the other: takes a file's name, gives what is told of its bytes.
OnFile = Callable[[str], AbstractContextManager[OnBytes]]


@dataclass(frozen=True)
class Bucket:
    """tables: address of tables and masks. photos: address of photos."""

    tables: str = layout.BUCKET
    photos: str = layout.PHOTOS

    def fetch_tables(self, root: Path, settings: Settings, on_file: OnFile) -> None:
        """Fetches the tables, and the archives of masks that are needed, where the folder lacks them.

        Raises as `fetching.fetch`.
        """
        for path, target in self._missing(root, settings):
            with on_file(target.name) as on_bytes:
                fetch(f"{self.tables.rstrip('/')}/{quote(path)}", target, on_bytes=on_bytes)

    def fetch_photo(self, row: PhotoRow, target: Path) -> None:
        """The copy in the bucket. Raises as `fetching.fetch`."""
        fetch(f"{self.photos.rstrip('/')}/{row.subset}/{row.image}.jpg", target, Wanted(most=LARGEST))

    def fetch_original(self, row: PhotoRow, target: Path) -> None:
        """The photo as its author published it, checked against the list's size and MD5. Raises as `fetching.fetch`."""
        fetch(row.url, target, Wanted(row.size, row.md5, LARGEST))

    def _missing(self, root: Path, settings: Settings) -> Iterator[tuple[str, Path]]:
        for path, names in layout.remote_tables(settings.subset).items():
            if not layout.find(root, layout.FOLDERS, names):
                yield path, root / Path(path).name
        if settings.table_only:
            return
        folders = layout.mask_folders(settings.subset)
        for path in layout.remote_masks(settings.digits, settings.subset):
            if not layout.find(root, folders, (Path(path).name,)):
                yield path, root / f"{settings.subset}-masks" / Path(path).name
