"""The file names of calls about names: `link`, `rename`, `unlink`, `chmod` and their kin.

Names are as the caller gave them, made absolute as text against the place where they start. What
a symbolic link in the middle leads to is not followed: these calls act on the name itself.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

from falcon_sensor.engine import event, paths
from falcon_sensor.engine.fields import kinds
from falcon_sensor.records import calls, layout

Which: TypeAlias = Literal["name", "second"]

_BASES = {"name": "base", "second": "second_base"}


def given(e: event.Event, which: Which) -> bytes | None:
    return e.record.blob(which) if e.kind is layout.Kind.NAMES else None


def absolute(e: event.Event, which: Which) -> bytes | None:
    """None when it can't be made absolute."""
    name = given(e, which)
    if name is None:
        return None
    if name.startswith(b"/"):
        return paths.normalise(name)
    base = e.record.blob(_BASES[which])
    if not base:
        return None
    # Without a name the directory descriptor's own file is meant (AT_EMPTY_PATH).
    return paths.absolute(name, base) if name else base


def _has_second(e: event.Event) -> bool:
    return calls.position(e.type, calls.Role.SECOND) is not None


_LINKS = ("link", "linkat", "symlink", "symlinkat")


def _single(read: kinds.Extractor) -> kinds.Extractor:
    """Of successful calls about one name."""

    def extract(e: event.Event) -> kinds.Value:
        return None if e.kind is not layout.Kind.NAMES or e.failed or _has_second(e) else read(e)

    return extract


def _paired(which: Which, raw: bool) -> kinds.Extractor:
    """Of successful calls about two: which of them is the source depends on the call (of links it is the new name)."""

    def extract(e: event.Event) -> bytes | None:
        if e.kind is not layout.Kind.NAMES or e.failed or not _has_second(e):
            return None
        second = (which == "second") != (e.type in _LINKS)
        name: Which = "second" if second else "name"
        if raw or (name == "name" and e.type in calls.TARGETS):
            return given(e, name)
        return absolute(e, name)

    return extract


single = _single(lambda e: absolute(e, "name"))
single_given = _single(lambda e: given(e, "name"))


PLAIN: kinds.Plain = {
    "fs.path.source": _paired("name", False),
    "fs.path.sourceraw": _paired("name", True),
    "fs.path.target": _paired("second", False),
    "fs.path.targetraw": _paired("second", True),
}


def by_descriptor(argument: str | None) -> kinds.Extractor:
    """`evt.abspath` of the calls that take directory descriptors: plain, `[src]` or `[dst]`."""

    def extract(e: event.Event) -> bytes | None:
        if e.kind is not layout.Kind.NAMES or not e.type.endswith(("at", "at2")):
            return None
        paired = _has_second(e)
        if argument is None:
            return None if paired else absolute(e, "name")
        if not paired or argument not in ("src", "dst"):
            return None
        if argument == "src":
            return given(e, "name") if e.type in calls.TARGETS else absolute(e, "name")
        return absolute(e, "second")

    return extract
