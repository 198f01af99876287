"""What the browser is told of a photo."""

from __future__ import annotations

from rorem.methods import catalog
from rorem.picture import Picture
from rorem.ui.preview import proxy_size
from rorem.ui.session import Session

LOSSLESS = ("PNG", "TIFF", "BMP", "GIF")


def facts(session: Session) -> dict[str, object]:
    """What the browser needs to know of a photo: its size, its state, what can be undone, the candidates.

    busy: a removal is under way. lossless: saving in the photo's own format keeps every pixel. png_exact: PNG does.
    """
    picture = session.picture
    version = session.version(session.state)
    return {
        "token": session.token,
        "name": session.name,
        "width": picture.width,
        "height": picture.height,
        "format": picture.file.format,
        "proxy": proxy_size(picture.width, picture.height),
        "notes": list(picture.notes),
        "place": session.tells_place,
        "busy": session.busy,
        "lossless": _lossless(picture),
        "png_exact": picture.space != "cmyk",
        "state": session.state,
        "undoable": session.undoable,
        "redoable": session.redoable,
        "choices": list(session.choices),
        "version": version
        and {
            "seed": version.seed,
            "method": version.method,
            "seeded": catalog.find(version.method).traits.seeded,
            "seconds": round(version.seconds, 2),
            "working": list(version.working),
            "notes": list(version.notes),
            "boxes": [list(box) for box in version.boxes],
        },
    }


def _lossless(picture: Picture) -> bool:
    return picture.file.format in LOSSLESS or (picture.file.format == "WEBP" and picture.file.lossless)
