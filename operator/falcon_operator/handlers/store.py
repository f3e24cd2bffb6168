"""What is known of the objects of one kind, whichever way it became known.

Watch events and lists come from several threads and may overtake each other, so that the newest
word on an object is told by its resourceVersion. Each object is reduced to what somebody needs of
it, and only changes of that are passed on: a Node's heartbeat is no news.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

from falcon_operator.clients.api import Listing, Object
from falcon_operator.clients.kinds import Kind

T = TypeVar("T")

Key = tuple[str, str]
"""(namespace, name); namespace is "" for cluster-scoped kinds."""


@dataclass(frozen=True, slots=True)
class _Seen(Generic[T]):
    uid: str
    version: str
    value: T | None


class Store(Generic[T]):
    """Objects of one kind. reduce: what is kept of one, None for nothing. changed: is told of each change."""

    def __init__(
        self, kind: Kind, reduce: Callable[[Object], T | None], changed: Callable[[Key, T | None], None]
    ) -> None:
        self.kind = kind
        self._reduce = reduce
        self._changed = changed
        self._seen: dict[Key, _Seen[T]] = {}

    def __getitem__(self, key: Key) -> T | None:
        found = self._seen.get(key)
        return found.value if found is not None else None

    def version(self, key: Key) -> str:
        """The resourceVersion that is known of an object, "" for none."""
        found = self._seen.get(key)
        return found.version if found is not None else ""

    def items(self) -> Iterator[tuple[Key, T]]:
        for key, seen in self._seen.items():
            if seen.value is not None:
                yield key, seen.value

    def event(self, event: str | None, body: Object) -> None:
        """A watch event: ADDED, MODIFIED, DELETED, or None for an object that was listed."""
        key, uid, version = _identity(body)
        known = self._seen.get(key)
        if event == "DELETED":
            # The end of an earlier object of this name may come after the start of the next one.
            if known is not None and known.uid == uid:
                self._drop(key)
        elif known is None or not _older(version, known.version):
            self._put(key, _Seen(uid, version, self._reduce(body)))

    def written(self, body: Object) -> None:
        """An object as the API server returned it when we wrote it: its watch event will be no news."""
        self.event("MODIFIED", body)

    def gone(self, key: Key) -> None:
        """The API server said so when we asked for it; a watch that began later tells nothing of it."""
        if key in self._seen:
            self._drop(key)

    def replace(self, listing: Listing, everything: bool = False) -> None:
        """A list of all objects. Newer word on an object stands, unless `everything` is to be replaced."""
        listed = set()
        for body in listing.items:
            key, uid, version = _identity(body)
            listed.add(key)
            known = self._seen.get(key)
            if everything or known is None or not _older(version, known.version):
                self._put(key, _Seen(uid, version, self._reduce(body)))
        for key in [key for key in self._seen if key not in listed]:
            if everything or not _older(listing.version, self._seen[key].version):
                self._drop(key)

    def differences(self, listing: Listing) -> Mapping[Key, str]:
        """Objects that the list (of metadata is enough) has otherwise: key -> the version known here, "" for none."""
        theirs = {key: version for key, _, version in map(_identity, listing.items)}
        ours = {key: seen.version for key, seen in self._seen.items()}
        return {key: ours.get(key, "") for key in ours.keys() | theirs.keys() if ours.get(key) != theirs.get(key)}

    def _put(self, key: Key, seen: _Seen[T]) -> None:
        known = self._seen.get(key)
        self._seen[key] = seen
        if (known.value if known is not None else None) != seen.value:
            self._changed(key, seen.value)

    def _drop(self, key: Key) -> None:
        if self._seen.pop(key).value is not None:
            self._changed(key, None)


def _identity(body: Object) -> tuple[Key, str, str]:
    metadata = body["metadata"]
    key = (metadata.get("namespace") or "", metadata["name"])
    return key, metadata.get("uid") or "", metadata.get("resourceVersion") or ""


def _older(version: str, than: str) -> bool:
    """Versions are numbers that grow with each write in all of etcd, else there is no telling."""
    return version.isdecimal() and than.isdecimal() and int(version) < int(than)
