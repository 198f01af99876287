"""A page for the operator: everything that waits for approval, in one file that asks nothing of any network."""

from __future__ import annotations

import base64
from datetime import UTC, datetime
from html import escape

import cv2
import numpy as np

from rorem.errors import RoremError
from rorem.labels.items import Pictures
from rorem.labels.sharing import Pending, pending
from rorem.labels.store import Store
from rorem.picture import open_picture, to_srgb

SIDE = 480  # px of a thumbnail
MOST = 200  # on one page, or it gets too large to open
TINT = (255, 45, 85)  # of what was marked
POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
STYLE = """
body { font: 16px/1.4 system-ui, sans-serif; margin: 24px auto; max-width: 1040px; padding: 0 16px; color: #222; background: #fff; }
article { border-top: 1px solid #ccc; padding: 16px 0; }
.pictures { display: grid; grid-template-columns: 1fr 1fr; gap: 12px; }
img { width: 100%; display: block; }
figure { margin: 0; }
figcaption { font-size: 14px; color: #555; }
code { font-size: 13px; overflow-wrap: anywhere; }
.early { color: #8a5a00; }
@media (max-width: 640px) { .pictures { grid-template-columns: 1fr; } }
"""  # noqa: E501


def review_page(store: Store, pictures: Pictures, now: int) -> str:
    """HTML of its own, without scripts: for each thing that waits the photo with its marks, the result, its id and when
    its time of waiting ends. At most `MOST`, the oldest first. now: ms. Raises CannotSave."""
    found = pending(store)
    shown = found[:MOST]
    head = f"{len(found)} {'removal waits' if len(found) == 1 else 'removals wait'} for you."
    if len(shown) < len(found):
        head += f" The oldest {len(shown)} are shown."
    parts = "".join(_article(one, pictures, now) for one in shown)
    return f"""<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="{POLICY}">
<title>What waits for approval</title>
<style>{STYLE}</style>
<h1>What waits for approval</h1>
<p>{head}</p>
<p><code>rorem labels approve ID</code> lets people judge it. <code>rorem labels refuse ID</code> deletes what a visitor
has shared, and takes anything else out of the queue.</p>
{parts}
</html>
"""


def _article(one: Pending, pictures: Pictures, now: int) -> str:
    why = "A visitor shared this." if one.state == "held" else f"Reported {one.reports} times."
    waits = "" if one.ready(now) else f' <span class="early">It may be approved from {_day(one.hold_until)}.</span>'
    return f"""<article>
<p><code>{escape(one.id)}</code><br>{why} Here since {_day(one.added)}, made by {escape(one.method)}.{waits}</p>
<div class="pictures">{_figures(one, pictures)}</div>
</article>
"""


def _figures(one: Pending, pictures: Pictures) -> str:
    try:
        files = {part: pictures.read(one.pictures, part) for part in ("source", "mask", "result")}
        source, result = (_thumbnail(files[part]) for part in ("source", "result"))
        marked = _tinted(source, _thumbnail(files["mask"]))
    except (RoremError, ValueError, OSError):
        return "<p>Its pictures cannot be shown: they are gone or damaged.</p>"
    return _figure(marked, "The photo, and what was to go") + _figure(result, "The result")


def _thumbnail(data: bytes | None) -> np.ndarray:
    """uint8 RGB, at most `SIDE` px long. Raises ValueError for nothing."""
    if data is None:
        raise ValueError("no picture")
    rgb = to_srgb(open_picture(data))
    scale = min(1.0, SIDE / max(rgb.shape[:2]))
    size = max(1, round(rgb.shape[1] * scale)), max(1, round(rgb.shape[0] * scale))
    return cv2.resize(rgb, size, interpolation=cv2.INTER_AREA)


def _tinted(rgb: np.ndarray, mask: np.ndarray) -> np.ndarray:
    mask = cv2.resize(mask, (rgb.shape[1], rgb.shape[0]), interpolation=cv2.INTER_AREA)
    share = 0.5 * mask[..., :1].astype(np.float32) / 255
    return (rgb * (1 - share) + np.array(TINT, np.float32) * share).round().astype(np.uint8)


def _figure(rgb: np.ndarray, caption: str) -> str:
    done, data = cv2.imencode(".jpg", np.ascontiguousarray(rgb[..., ::-1]), [cv2.IMWRITE_JPEG_QUALITY, 85])
    if not done:
        raise ValueError(f"a thumbnail of shape {rgb.shape} could not be encoded")
    text = base64.b64encode(data.tobytes()).decode()
    return f'<figure><img alt="" src="data:image/jpeg;base64,{text}"><figcaption>{caption}</figcaption></figure>'


def _day(at: int) -> str:
    """at: ms."""
    return datetime.fromtimestamp(at / 1000, UTC).strftime("%Y-%m-%d %H:%M UTC")
