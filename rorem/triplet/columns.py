"""The columns of Parquet shards: what they are called, what they hold, and what else they may be called."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING

from rorem.errors import BadData, Unavailable

if TYPE_CHECKING:
    import pyarrow as pa

IMAGE = "image"  # struct<bytes: binary, path: string>, as the library `datasets` keeps pictures
EXTRA = "extra"  # JSON; the last column
COLUMNS: Mapping[str, str] = {
    "id": "string",
    **dict.fromkeys(("source", "mask", "result", "truth", "effect"), IMAGE),
    **dict.fromkeys(("sha256_source", "sha256_mask", "sha256_result"), "string"),
    **dict.fromkeys(("method", "revision", "options", "protocol"), "string"),
    "seed": "int64",
    "network_calls": "int32",
    "category": "string",
    "round": "int32",
    "accepted_by": "string",
    "p_yes": "float32",
    "votes_yes": "int32",
    "votes_no": "int32",
    "licence": "string",
    "author": "string",
    EXTRA: "string",
}
IMAGES = tuple(name for name, kind in COLUMNS.items() if kind == IMAGE)
NEEDED = ("source", "mask")
# What sets by others call these columns. A column under our own name is preferred.
ALIASES = {"source": ("image", "input_image"), "mask": ("mask_image",), "result": ("GT",)}


def schema() -> pa.Schema:
    """Of our shards, with the note by which `datasets` and the Hub's viewer know the pictures."""
    import pyarrow as pa

    image = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    types = {name: image if kind == IMAGE else pa.type_for_alias(kind) for name, kind in COLUMNS.items()}
    features = {
        name: {"_type": "Image"} if kind == IMAGE else {"dtype": kind, "_type": "Value"}
        for name, kind in COLUMNS.items()
    }
    note = {"huggingface": json.dumps({"info": {"features": features}})}
    return pa.schema(list(types.items()), metadata=note)


def pictures_in(found: pa.Schema, file: str) -> dict[str, str]:
    """Which column of a file holds which part: {"source": "image", ...}. Raises BadData if a needed one is missing."""
    columns = {}
    for part in IMAGES:
        name = next((name for name in (part, *ALIASES.get(part, ())) if found.get_field_index(name) >= 0), None)
        if name and _holds_pictures(found.field(name).type):
            columns[part] = name
        elif part in NEEDED:
            there = f"its column {name} holds no pictures" if name else f"it has {', '.join(found.names) or 'none'}"
            raise BadData(f"{file} has no column {part} with pictures; {there}.")
    return columns


def tells_path(found: pa.Schema, column: str) -> bool:
    """Whether a column of pictures says what each file was called."""
    kind = found.field(column).type
    return _is_struct(kind) and kind.get_field_index("path") >= 0


def plain_in(found: pa.Schema) -> list[str]:
    """The columns that hold no bytes, and so no pictures, anywhere inside."""
    return [field.name for field in found if not _has_bytes(field.type)]


def need_pyarrow() -> None:
    """Raises Unavailable where it is not installed."""
    try:
        import pyarrow.parquet  # noqa: F401
    except ImportError as error:
        fix = "pip install 'rorem[eval]' brings it."
        raise Unavailable("Parquet shards need the package pyarrow.", fix) from error


def _holds_pictures(kind: pa.DataType) -> bool:
    if _is_struct(kind):
        at = kind.get_field_index("bytes")
        return at >= 0 and _is_bytes(kind.field(at).type)
    return _is_bytes(kind)


def _has_bytes(kind: pa.DataType) -> bool:
    inner = (kind.field(at).type for at in range(kind.num_fields))
    return _is_bytes(kind) or any(map(_has_bytes, inner))


def _is_struct(kind: pa.DataType) -> bool:
    import pyarrow as pa

    return pa.types.is_struct(kind)


def _is_bytes(kind: pa.DataType) -> bool:
    import pyarrow as pa

    return pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_binary_view(kind)
