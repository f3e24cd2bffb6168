"""The kinds of values that items of rule files hold, as pydantic types.

Scalars come in as text whatever they look like (`yes`, `012`), or, from manifests, as booleans
and integers; what they mean is decided here, by the key they stand at.
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BeforeValidator
from pydantic_core import PydanticCustomError

from falcon_rules import bundle, diagnostics

_TRUE = frozenset(spelling for word in ("true", "yes", "on", "y") for spelling in (word, word.upper(), word.title()))
_FALSE = frozenset(spelling for word in ("false", "no", "off", "n") for spelling in (word, word.upper(), word.title()))
_PRIORITIES = {each.name: each for each in bundle.Priority} | {"INFO": bundle.Priority.INFORMATIONAL}
PRIORITY_SPELLINGS = tuple(
    spell(name) for spell in (str.capitalize, str.upper, str.lower) for name in (*bundle.Priority.__members__, "INFO")
)
"""What a schema can list of the spellings that are accepted; Kubernetes' own style comes first."""
_UINT32 = 2**32 - 1


def text(value: Any) -> Any:
    if value is None:
        raise PydanticCustomError("falcon", "is empty")
    if not isinstance(value, str):
        raise PydanticCustomError("falcon", "must be a text")
    if not value:
        raise PydanticCustomError("falcon", "must not be an empty text")
    return value


def scalar(value: Any) -> Any:
    if not isinstance(value, str):
        what = "nothing" if value is None else "a list" if isinstance(value, (list, tuple)) else "a mapping"
        raise PydanticCustomError("falcon", "must be a list of plain values, but this one is {what}", {"what": what})
    return value


def boolean(value: Any) -> Any:
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and (value in _TRUE or value in _FALSE):
        return value in _TRUE
    raise PydanticCustomError("falcon", "must be true or false")


def unsigned(value: Any) -> Any:
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 20:
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= _UINT32:
        raise PydanticCustomError("falcon", "must be a number of milliseconds from 0 to {most}", {"most": _UINT32})
    return value


def priority(value: Any) -> Any:
    if isinstance(value, bundle.Priority):
        return value
    found = _PRIORITIES.get(text(value).upper())
    if found is None:
        names = [each.label for each in bundle.Priority]
        context = {"names": ", ".join(names), "suggestion": diagnostics.suggest(value.capitalize(), names)}
        raise PydanticCustomError("falcon", "must be one of {names}", context)
    return found


def sequence(value: Any) -> Any:
    if not isinstance(value, (list, tuple)):
        raise PydanticCustomError("falcon", "must be a list")
    return tuple(value)


def one_or_many(value: Any) -> Any:
    """A text, or a list of texts: `fields: proc.name` or `fields: [proc.name, fd.name]`. Nothing counts as absent."""
    if isinstance(value, (list, tuple)):
        return tuple(map(text, value))
    return None if value is None else text(value)


def _exception_value(value: Any) -> Any:
    if isinstance(value, (list, tuple)):
        return tuple(map(_exception_value, value))
    if not isinstance(value, str):
        raise PydanticCustomError("falcon", "must hold texts or lists of texts")
    return text(value)


def _exception_values(value: Any) -> Any:
    return tuple(map(_exception_value, sequence(value)))


TextValue = Annotated[str, BeforeValidator(text)]
"""Present, not null, not empty."""
Boolean = Annotated[bool, BeforeValidator(boolean)]
"""YAML 1.1's words in lower, upper or capitalised spelling, quoted or not."""
Milliseconds = Annotated[int, BeforeValidator(unsigned)]
PriorityName = Annotated[bundle.Priority, BeforeValidator(priority)]
"""Any letter case; `info` is short for informational."""
Scalars = Annotated[tuple[Annotated[str, BeforeValidator(scalar)], ...], BeforeValidator(sequence)]
OneOrMany = Annotated[str | tuple[str, ...], BeforeValidator(one_or_many)]
ExceptionValues = Annotated[tuple[Any, ...], BeforeValidator(_exception_values)]
"""A tuple of texts and of tuples of the same."""
