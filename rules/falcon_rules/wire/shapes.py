"""Small checks that reading is made of. Each names the place in the bundle it complains about."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


class WireError(ValueError):
    """The bytes are no bundle this program understands; the message says where and what to do."""


def members(value: Any, where: str, names: Sequence[str]) -> dict[str, Any]:
    """A JSON object with exactly the members `names`."""
    if not isinstance(value, dict):
        raise WireError(f"{where}: an object is expected")
    missing = [name for name in names if name not in value]
    surplus = [name for name in value if name not in names]
    if missing or surplus:
        problem = f"lacks {missing[0]}" if missing else f"has an unknown member {surplus[0]}"
        raise WireError(f"{where}: the object {problem}")
    return value


def items(value: Any, where: str, length: int | None = None) -> list[Any]:
    """A JSON array, of `length` entries if given."""
    if not isinstance(value, list) or (length is not None and len(value) != length):
        raise WireError(f"{where}: a list{'' if length is None else f' of {length}'} is expected")
    return value


def text(value: Any, where: str) -> str:
    if not isinstance(value, str):
        raise WireError(f"{where}: a text is expected")
    return value


def optional_text(value: Any, where: str) -> str | None:
    return None if value is None else text(value, where)


def whole(value: Any, where: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise WireError(f"{where}: a whole number is expected")
    return value


def flag(value: Any, where: str) -> bool:
    if not isinstance(value, bool):
        raise WireError(f"{where}: true or false is expected")
    return value


def raw(value: Any, where: str) -> bytes:
    """Bytes, which travel as text with surrogate escapes."""
    try:
        return text(value, where).encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        raise WireError(f"{where}: the text stands for no bytes") from None


def written(value: bytes) -> str:
    """The inverse of `raw`."""
    return value.decode("utf-8", "surrogateescape")
