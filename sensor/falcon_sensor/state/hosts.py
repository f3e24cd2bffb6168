"""Addresses of the host names that rules are about, looked up beside the events and never for one.

    watch(names)  ->  a thread asks for each, again and again  ->  addresses(name), a dictionary's answer

A name that can't be resolved has no addresses: a comparison with it is unavailable. Each answer is
kept for `TTL`, and through failures for `STALE_MOST`: a name server that fails for a minute must
not switch a rule off, and an address that was given up long ago must not keep it alive.
"""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

TTL = 30.0
"""Seconds between two looks at a name. Service addresses in a cluster live for days, those of cloud services less."""
RETRY = 5.0
"""Seconds after a failure. Names often appear just after the sensor (a cluster's name server starts with its node)."""
STALE_MOST = 3600.0
NAMES_MOST = 256
"""More are not looked up: each costs a query every half a minute."""

Lookup = Callable[[str], Collection[bytes]]


def look_up(name: str) -> frozenset[bytes]:
    """All addresses as 4 or 16 bytes, by the machine's own way (hosts file, name servers). Raises OSError."""
    found = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)
    return frozenset(
        socket.inet_pton(family, str(address[0]).partition("%")[0])
        for family, _, _, _, address in found
        if family in (socket.AF_INET, socket.AF_INET6)
    )


@dataclass(slots=True)
class _Known:
    addresses: frozenset[bytes] = frozenset()
    due: float = 0.0
    """when to ask next, by the monotonic clock"""
    answered: float = 0.0


class Hosts:
    """Resolves names in a thread of its own, which starts with the first name. Readers take no lock."""

    def __init__(self, lookup: Lookup = look_up, now: Callable[[], float] = time.monotonic) -> None:
        self._lookup = lookup
        self._now = now
        self._known: Mapping[bytes, _Known] = {}
        self._names: Mapping[bytes, bytes] = {}
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None

    def watch(self, names: Collection[bytes]) -> None:
        """From now on exactly these names are resolved; what is known of them stays."""
        with self._changed:
            kept = sorted(names)[:NAMES_MOST]
            self._known = {name: self._known.get(name, _Known()) for name in kept}
            self._changed.notify_all()
        if self._known and self._thread is None:
            self._thread = threading.Thread(target=self._run, name="host-names", daemon=True)
            self._thread.start()

    def addresses(self, name: bytes) -> frozenset[bytes]:
        """Of a watched name, as far as they are known; empty for others."""
        known = self._known.get(name)
        return known.addresses if known is not None else frozenset()

    def name_of(self, address: bytes) -> bytes | None:
        """The watched name that has this address, the first in alphabetical order."""
        return self._names.get(address)

    def refresh(self) -> float:
        """Asks for every name that is due; gives the seconds until the next one is."""
        for name, known in list(self._known.items()):
            if known.due <= self._now():
                self._ask(name, known)
        # A new dictionary for the readers, the first name of each address winning.
        self._names = {
            address: name for name, known in sorted(self._known.items(), reverse=True) for address in known.addresses
        }
        due = min((known.due for known in self._known.values()), default=self._now() + TTL)
        return max(0.1, due - self._now())

    def _ask(self, name: bytes, known: _Known) -> None:
        found: Collection[bytes] = ()
        # UnicodeError: what a rule calls a host name need not be one.
        with contextlib.suppress(OSError, UnicodeError):
            found = self._lookup(name.decode())
        now = self._now()
        known.due = now + (TTL if found else RETRY)
        if found:
            known.addresses, known.answered = frozenset(found), now
        elif now - known.answered > STALE_MOST:
            known.addresses = frozenset()

    def _run(self) -> None:
        while True:
            seconds = self.refresh()
            with self._changed:
                fresh = any(not known.due for known in self._known.values())
                if not fresh:
                    self._changed.wait(seconds)


class Unasked:
    """Of a recording: nobody resolved names then, and what they resolve to now would make replays differ."""

    def watch(self, names: Collection[bytes]) -> None:
        pass

    def addresses(self, name: bytes) -> frozenset[bytes]:
        return frozenset()

    def name_of(self, address: bytes) -> bytes | None:
        return None
