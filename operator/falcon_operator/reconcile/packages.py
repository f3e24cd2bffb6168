"""Bundles as they travel: bytes, digest, revision.

`bundles` decides which rules a node should have (`Content`); a package is such a content stamped
with a revision. Revisions only grow, also across restarts of the operator and changes of its
leader, because they follow the clock. They are part of the bytes, so equal rules can travel under
several; a sensor that has the right rules already is left with the revision it has.
"""

from __future__ import annotations

import dataclasses
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from falcon_rules import bundle, wire

_KEPT = 16
"""Packages remembered, to know what is inside of one that a sensor still has. A cluster has a handful of
distinct contents, and a sensor more than this many changes behind is about to be served anyway."""


@dataclass(frozen=True)
class Content:
    """Rules for a set of nodes, in the order they are tried. rule_hashes: uid -> `rule_hash`."""

    rules: tuple[bundle.Rule, ...] = field(repr=False)
    rule_hashes: Mapping[str, str] = field(repr=False)

    @cached_property
    def id(self) -> str:
        """Identity of the rules whatever the revision."""
        return self.digest(0)

    def digest(self, revision: int) -> str:
        """``sha256:<hex>`` of the package with that revision."""
        return _digest(self.dumps(revision))

    def dumps(self, revision: int) -> bytes:
        return wire.stamped(self._bytes, revision)

    @cached_property
    def _bytes(self) -> bytes:
        return wire.dumps(bundle.Bundle(self.rules))


@dataclass(frozen=True, slots=True)
class Package:
    """A bundle ready to be sent. digest: ``sha256:<hex>`` of the unpacked bytes. packed: the body of a push."""

    content: Content
    revision: int
    digest: str
    packed: bytes = field(repr=False)


def rule_hash(rule: bundle.Rule) -> str:
    """Identity of one compiled rule, its uid left out: what the status of a rule shows."""
    return _digest(wire.dumps(bundle.Bundle((dataclasses.replace(rule, uid=""),))))


def _digest(data: bytes) -> str:
    return f"sha256:{wire.digest(data)}"


def _milliseconds() -> int:
    return time.time_ns() // 1_000_000


class Stamps:
    """Hands out packages of contents. clock: unix milliseconds."""

    def __init__(self, clock: Callable[[], int] = _milliseconds) -> None:
        self._clock = clock
        self._last = 0
        self._newest: OrderedDict[str, Package] = OrderedDict()
        self._known: OrderedDict[str, Package] = OrderedDict()

    def package(self, content: Content, have: str = "", revision: int = 0) -> Package:
        """What a sensor should have that has digest `have` of `revision` in force ("" and 0 for none).

        The very package it has if the rules are the same; else one that is newer than that.
        """
        if known := self._known.get(have):
            if known.content.id == content.id:
                return known
        elif have and content.digest(revision) == have:
            return self._keep(self._made(content, revision))
        newest = self._newest.get(content.id)
        if newest is None or newest.revision <= revision:
            self._last = max(self._last + 1, self._clock(), revision + 1)
            newest = self._keep(self._made(content, self._last))
            self._newest[content.id] = newest
            while len(self._newest) > _KEPT:
                self._newest.popitem(last=False)
        return newest

    def find(self, digest: str) -> Package | None:
        """The package with that digest, if it is still remembered."""
        return self._known.get(digest)

    def _made(self, content: Content, revision: int) -> Package:
        data = content.dumps(revision)
        return Package(content, revision, _digest(data), wire.pack(data))

    def _keep(self, package: Package) -> Package:
        self._known[package.digest] = package
        while len(self._known) > _KEPT:
            self._known.popitem(last=False)
        return package
