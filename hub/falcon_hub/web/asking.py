"""Query strings become filters. The page's address and the API spell them alike, so that what a person sees can be
asked for by a script:

    from=-24h  to=2026-01-31T12:00:00Z  q=text  priority=warning  rule=X  -namespace=Y  proc.name=Z  acknowledged=no

The same key again: any of its values. With a minus: none of them. A key with a dot is a field of the alert.
"""

from __future__ import annotations

import re
import time
from typing import Any, Final

from multidict import MultiMapping

from falcon_hub import alerts
from falcon_hub.store import filters

OWN: Final = frozenset({"from", "to", "q", "priority", "acknowledged", "silenced"})
_DIMENSIONS: Final = frozenset({*filters.DIMENSIONS, "tag"})
_RELATIVE = re.compile(r"-(\d{1,9})([smhdw])")
_UNITS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_NS: Final = 1_000_000_000
_MOST: Final = 200
"""Values in one query: more than anybody chooses by hand, and little enough for a database."""


class BadQuestion(ValueError):
    """For whoever asked: which part cannot be meant."""


def chosen(query: MultiMapping[str], *, besides: frozenset[str] = frozenset()) -> filters.Filter:
    """The filter that a query string spells. besides: keys that mean something else. Raises BadQuestion."""
    found: dict[str, Any] = {"is_": {}, "is_not": {}, "fields": (), "not_fields": ()}
    if len(query) > _MOST:
        raise BadQuestion(f"more than {_MOST} values in one question")
    for name in dict.fromkeys(query):
        values = tuple(value for value in query.getall(name) if value)
        if name in besides or name in OWN or not values:
            continue
        plain = name.removeprefix("-")
        if plain in _DIMENSIONS:
            found["is_not" if name != plain else "is_"][plain] = values
        elif "." in plain:
            member = "not_fields" if name != plain else "fields"
            found[member] += tuple((plain, value) for value in values)
        else:
            known = ", ".join(sorted(OWN | _DIMENSIONS))
            raise BadQuestion(f"{name!r} is nothing to ask for: there are {known}, and fields such as proc.name")
    return filters.Filter(
        since_ns=_moment(query.get("from", ""), "from"),
        until_ns=_moment(query.get("to", ""), "to"),
        priorities=frozenset(_priority(name) for name in query.getall("priority", [])),
        text=query.get("q", "").strip(),
        acknowledged=_choice(query, "acknowledged"),
        silenced=_choice(query, "silenced"),
        **found,
    )


def number(query: MultiMapping[str], name: str, default: int, most: int) -> int:
    """Between 1 and `most`. Raises BadQuestion."""
    text = query.get(name, str(default))
    if not text.isascii() or not text.isdecimal() or len(text) > 9 or not 1 <= int(text) <= most:
        raise BadQuestion(f"{name} must be a number from 1 to {most}, not {text[:40]!r}")
    return int(text)


def moment(text: str, name: str) -> int:
    """Nanoseconds since the epoch of ``-24h`` or an RFC 3339 time. Raises BadQuestion."""
    if relative := _RELATIVE.fullmatch(text):
        return max(0, time.time_ns() - int(relative[1]) * _UNITS[relative[2]] * _NS)
    try:
        found = alerts.parse_time(text)
    except (ValueError, OverflowError):
        raise BadQuestion(f"{name} must be RFC 3339 or such as -15m, -24h, -7d; not {text[:40]!r}") from None
    if not 0 <= found < 2**63:
        raise BadQuestion(f"{name} is before 1970 or after 2262")
    return found


def _moment(text: str, name: str) -> int | None:
    return moment(text, name) if text else None


def _priority(name: str) -> int:
    try:
        return int(alerts.priority(name))
    except alerts.Invalid as error:
        raise BadQuestion(str(error)) from None


def _choice(query: MultiMapping[str], name: str) -> bool | None:
    text = query.get(name, "")
    if text not in ("", "yes", "no"):
        raise BadQuestion(f"{name} must be yes or no, not {text[:40]!r}")
    return {"": None, "yes": True, "no": False}[text]
