"""The marks that the page sends with a press of a button."""

from __future__ import annotations

from typing import Any

import numpy as np

from rorem.mask_file import enlarge_marks
from rorem.picture import Limits
from rorem.ui.painter import decode_mask
from rorem.ui.preview import proxy_size
from rorem.ui.session import Session


def marks(sent: dict[str, Any], session: Session, limits: Limits) -> tuple[np.ndarray, np.ndarray | None]:
    """What should go, and what must not be copied from; bool (H, W) of the photo's size. Raises BadMask.

    sent: {mask, avoid}, data URLs of 1-bit PNGs of the proxy's size; `avoid` may be null.
    """
    width, height = session.picture.size
    size = proxy_size(width, height)
    mask, avoid = (decode_mask(sent.get(name)) for name in ("mask", "avoid"))
    marked = enlarge_marks(mask or b"", size, width, height, limits=limits)
    return marked, None if avoid is None else enlarge_marks(avoid, size, width, height, limits=limits)
