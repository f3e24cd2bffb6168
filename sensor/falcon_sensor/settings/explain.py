"""Says what is wrong with settings in the user's words: where it was written, what is expected,
what was probably meant. Between `load`, which merges, and pydantic, which judges."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import pydantic

from falcon_sensor.settings import model

Path = tuple[str | int, ...]


@dataclass(slots=True)
class Layered:
    """Values merged so far, and for each path where its value was written."""

    values: dict[str, Any] = field(default_factory=dict)
    origins: dict[Path, str] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)

    def origin(self, path: Path) -> str:
        """Where `path`, else something in it, else what it is in, was written."""
        inner = next((place for known, place in self.origins.items() if known[: len(path)] == path), None)
        if found := self.origins.get(path, inner):
            return found
        return self.origin(path[:-1]) if path else "settings"


def messages(layers: Layered, error: pydantic.ValidationError) -> Iterator[str]:
    """One line for each thing wrong, with its place."""
    seen: set[Path] = set()
    for each in error.errors(include_url=False):
        path: Path = each["loc"]
        while path and path not in layers.origins and path[:-1] in layers.origins and not _written(layers, path):
            path = path[:-1]  # a union's members are part of pydantic's path, not of the user's
        if path in seen:
            continue
        seen.add(path)
        yield f"{layers.origin(path)}: {_explain(path, dict(each))}"


def _written(layers: Layered, path: Path) -> bool:
    where: Any = layers.values
    for part in path:
        try:
            where = where[part]
        except (LookupError, TypeError):
            return False
    return True


def _explain(path: Path, each: dict[str, Any]) -> str:
    name = dotted(path)
    kind, given = each["type"], each["input"]
    if kind in ("unexpected_keyword_argument", "invalid_key"):
        siblings = [dotted(known) for known in model.paths()] + ["rule", "tag", "enable", "disable"]
        return f"{name} is no option{suggest(name, siblings)} (`falcon-sensor settings` prints all)"
    if kind == "dataclass_type":
        return f"{name} has options of its own, so it needs a mapping, not {given!r}"
    if kind == "literal_error":
        return f"{name} must be one of {each['ctx']['expected']}, not {given!r}{suggest(str(given), _choices(each))}"
    if kind == "tuple_type":
        return f"{name} must be a list, not {given!r}"
    if path[0] == "extra_fields" and len(path) > 1:
        return f"{name} must be text, a number, true or false, not {given!r}"
    hint = " (quote it to make it text)" if kind == "string_type" and isinstance(given, int | float) else ""
    return f"{name} {each['msg'].replace('Input should', 'must')[:200]}, not {repr(given)[:80]}{hint}"


def _choices(each: dict[str, Any]) -> list[str]:
    return re.findall(r"'([^']*)'", each["ctx"]["expected"])


def suggest(name: str, known: Sequence[str]) -> str:
    """``; did you mean X?`` or nothing."""
    # Falco's shorter name first: http_output.insecure is insecure_skip_verify here.
    close = [path for path in known if path.startswith(f"{name}_")][:1]
    close = close or difflib.get_close_matches(name, known, n=1, cutoff=0.6)
    if not close and "." not in name:  # an option set without its section
        close = [path for path in known if path.endswith("." + name)][:1]
    return f"; did you mean {close[0]}?" if close else ""


def dotted(path: Path) -> str:
    """``rules[0].disable`` as people write it."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
    return text.removeprefix(".") or "settings"
