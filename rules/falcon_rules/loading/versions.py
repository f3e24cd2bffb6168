"""`required_engine_version` and `required_plugin_versions`: whether a file is for this engine."""

from __future__ import annotations

import re
from collections.abc import Iterable

from falcon_rules.diagnostics import Code
from falcon_rules.model import items, reading

ENGINE_VERSION = (0, 63, 0)
"""The version of Falco's rules engine whose language this package reads."""

_VERSION = re.compile(r"(\d{1,9})\.(\d{1,9})\.(\d{1,9})")


def check_engine(entry: reading.Entry) -> None:
    """Refuses the entry if the engine is too old, or of another major version."""
    required = _engine_version(entry)
    if required[0] != ENGINE_VERSION[0] or required > ENGINE_VERSION:
        wanted, have = _written(required), _written(ENGINE_VERSION)
        message = f"this file requires engine version {wanted}, this engine is {have}; the rest of the file is left out"
        entry.refuse(Code.ERR_VALIDATE, message, entry.place("required_engine_version"))


def _engine_version(entry: reading.Entry) -> tuple[int, ...]:
    """A number N stands for 0.N.0; anything else starts with three numbers."""
    raw = entry.data["required_engine_version"]
    text = raw.strip() if isinstance(raw, str) else ""
    if text.isascii() and text.isdigit() and len(text) < 10:
        return (0, int(text), 0)
    match = _VERSION.match(text)
    if not match:
        message = f"'required_engine_version' must be a number or start with three numbers such as 0.63.0, not {text!r}"
        entry.refuse(Code.ERR_YAML_VALIDATE, message, entry.place("required_engine_version"))
    return tuple(map(int, match.groups()))


def check_plugins(entry: reading.Entry) -> None:
    """Refuses entries of wrong shape. There are no plugins, so nothing is compared with any."""
    requirements = entry.parse(items.PluginRequirements).required_plugin_versions
    for index, requirement in enumerate(requirements):
        _check_plugin(entry, index, [requirement, *requirement.alternatives])


def _check_plugin(entry: reading.Entry, index: int, choices: Iterable[items.PluginAlternative]) -> None:
    place = entry.place("required_plugin_versions", index)
    seen: set[str] = set()
    for choice in choices:
        if not _VERSION.match(choice.version):
            message = f"the version of plugin {choice.name!r} must start with three numbers, not {choice.version!r}"
            entry.refuse(Code.ERR_VALIDATE, message, place)
        if choice.name in seen:
            entry.refuse(Code.ERR_VALIDATE, f"plugin {choice.name!r} is named twice in one requirement", place)
        seen.add(choice.name)


def _written(version: tuple[int, ...]) -> str:
    return ".".join(map(str, version))
