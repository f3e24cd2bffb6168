"""How a class of fields declares itself.

A module of fields has `PLAIN` (fields without argument) and may have `WITH_ARGUMENT` (a maker
that gets the argument, None when the field stands without) and `MISSING` (fields of the language
that this sensor can't fill, and why, in words for the author of a rule).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from falcon_sensor.engine import event

Value: TypeAlias = bytes | int | bool | tuple[Any, ...] | None
Extractor: TypeAlias = Callable[[event.Event], Value]
Maker: TypeAlias = Callable[[str | None], Extractor]
Plain: TypeAlias = Mapping[str, Extractor]
WithArgument: TypeAlias = Mapping[str, Maker]
Missing: TypeAlias = Mapping[str, str]

OTHER_EVENTS = "only events that this version does not record have it"


def never(_: event.Event) -> None:
    """A field that no recorded event has."""


def constant(value: Value) -> Extractor:
    return lambda _: value
