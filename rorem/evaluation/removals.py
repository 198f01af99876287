"""A removal as a record: what a method makes of one record of a set, with all that is known of how."""

from __future__ import annotations

import json
from dataclasses import replace

from rorem.errors import RoremError
from rorem.evaluation.makers import Made, Maker
from rorem.evaluation.samples import decode
from rorem.remover import no_step
from rorem.triplet.record import Triplet

SECONDS = "removal_seconds"  # in `extra`: what the removal took, without reading and writing


def removal(maker: Maker, triplet: Triplet, seed: int, name: str = "") -> Triplet:
    """A record with a removal in the place of its result, nobody's answer yet. The result is a PNG.

    name: of the new record, "" = as before. A result that was there is not looked at. `extra` gains windows, notes and
    removal_seconds (to the millisecond).
    Raises RoremError.
    """
    sample = decode(replace(triplet, result=None))
    made = maker.make(sample, sample.mask, seed, no_step)
    about = {"windows": made.told.get("windows", []), "notes": made.told.get("notes", [])}
    seconds = round(float(made.facts.get("latency", 0.0)), 3)
    return replace(
        triplet,
        name=name or triplet.name,
        result=_png(made),
        method=maker.id,
        revision=maker.revision,
        options=str(made.told.get("options", maker.options)),
        protocol=maker.protocol,
        seed=seed,
        network_calls=int(made.facts.get("network_calls", 0)),
        accepted_by="none",
        p_yes=None,
        votes_yes=0,
        votes_no=0,
        extra={**triplet.extra, **json.loads(json.dumps(about)), SECONDS: seconds},  # lists, as JSON has no tuples
    )


def _png(made: Made) -> bytes:
    """Raises RoremError."""
    import cv2

    done, data = cv2.imencode(".png", made.picture[..., ::-1])
    if not done:
        raise RoremError("The result could not be written as a picture.")
    return data.tobytes()
