"""The file: gzip, JSON line by line.

    {"format": "falcon-recording", "version": 1, "layout": ..., "hostname": ..., "boot_offset": ...}
    {"image": 0, "is": "..."}              an exec record that later lines refer to
    {"description": 0, "is": {...}}        what a runtime said of a container
    {"event": "...", "line": [...], ...}   a record of the ring, and the answers about it
    {"end": {"events": 2, "lost": 0}}

A reader refuses another `version`, and a `layout` that is not its own: records are the kernel's
bytes, and what they mean depends on the release that recorded them.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import zlib
from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass
from typing import Any

from falcon_sensor.recording import answers
from falcon_sensor.records import decode, layout
from falcon_sensor.state import questions

FORMAT = "falcon-recording"
VERSION = 1

_LEVEL = 1
"""Of compression: the thread that writes is the one that must keep up with the kernel."""


class Unusable(Exception):
    """The file cannot be replayed; the text says why."""


@dataclass(frozen=True, slots=True)
class Header:
    """Of the machine that was recorded. boot_offset: what to add to CLOCK_BOOTTIME, ns."""

    hostname: str
    kernel: str
    boot_offset: int


@dataclass(frozen=True, slots=True)
class Event:
    record: decode.Record
    answers: answers.Answers


def layout_of_records() -> str:
    """Names the layout of records: equal where they mean the same."""
    parts = (layout.FORMATS, layout.HEAD, layout.ANCESTOR, layout.ANCESTORS, layout.BODIES, layout.COMMON_BLOBS)
    more = (layout.BLOBS, layout.EVENTS, [(flag.name, int(flag)) for flag in layout.Flag])
    return hashlib.sha256(repr((parts, more)).encode()).hexdigest()[:16]


class Writer:
    """Writes a recording; `evaluate` takes the place of an engine. Not for several threads at once.

    Raises OSError where the file cannot be made or written. Only its owner may read it: command lines and environments
    of all processes are in there.
    """

    def __init__(self, path: str, header: Header, state: questions.State) -> None:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        self._raw = os.fdopen(descriptor, "wb")
        self._file = gzip.GzipFile(fileobj=self._raw, mode="wb", compresslevel=_LEVEL, mtime=0, filename="")
        self._state = state
        self._known: dict[tuple[str, Hashable], int] = {}
        self._counts = {"image": 0, "description": 0}
        self.events = 0
        about = {"hostname": header.hostname, "kernel": header.kernel, "boot_offset": header.boot_offset}
        self._line({"format": FORMAT, "version": VERSION, "layout": layout_of_records(), **about})

    def evaluate(self, record: decode.Record) -> list[Any]:
        """Writes the record down; there are no alerts."""
        found = answers.ask(self._state, record, self._intern)
        self._line({"event": record.data.decode("latin-1"), **found})
        self.events += 1
        return []

    def close(self, lost: int | None) -> None:
        """lost: events that the kernel had no room for; None if the recording ends early, as one that was cut off."""
        if lost is not None:
            self._line({"end": {"events": self.events, "lost": lost}})
        self._file.close()
        self._raw.close()

    def _intern(self, kind: str, key: Hashable, make: Callable[[], Any]) -> int:
        number = self._known.get((kind, key))
        if number is None:
            number = self._known[kind, key] = self._counts[kind]
            self._counts[kind] += 1
            self._line({kind: number, "is": make()})
        return number

    def _line(self, content: dict[str, Any]) -> None:
        self._file.write(json.dumps(content, separators=(",", ":")).encode() + b"\n")


class Reader:
    """Reads a recording. `images` and `descriptions` grow while `events` goes on.

    lost: events that were not recorded for want of room; None until the end has been read, and for good where the
    recording was cut off. Raises Unusable, also from `events`.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self.images: list[str] = []
        self.descriptions: list[answers.Json] = []
        self.lost: int | None = None
        self._lines = self._read()
        self.header = self._header()

    def events(self) -> Iterator[Event]:
        for number, line in self._lines:
            try:
                if "event" in line:
                    yield Event(decode.Record(line["event"].encode("latin-1")), answers.read(line))
                elif "image" in line:
                    self.images.append(line["is"])
                elif "description" in line:
                    self.descriptions.append(line["is"])
                else:
                    self.lost = int(line["end"]["lost"])
            except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
                raise Unusable(f"{self._path}: line {number} is damaged ({type(error).__name__}: {error})") from None

    def _header(self) -> Header:
        _, first = next(self._lines, (1, {}))
        if first.get("format") != FORMAT:
            raise Unusable(f"{self._path} is no recording of falcon-sensor")
        if first.get("version") != VERSION or first.get("layout") != layout_of_records():
            raise Unusable(f"{self._path} was recorded by another release of Falcon; replay it with that one")
        try:
            return Header(str(first["hostname"]), str(first["kernel"]), int(first["boot_offset"]))
        except (KeyError, ValueError, TypeError):
            raise Unusable(f"{self._path}: line 1 is damaged") from None

    def _read(self) -> Iterator[tuple[int, answers.Json]]:
        try:
            with gzip.open(self._path) as file:
                for number, line in enumerate(file, 1):
                    found = json.loads(line)
                    if not isinstance(found, dict):
                        raise Unusable(f"{self._path}: line {number} is damaged")
                    yield number, found
        except EOFError:
            return  # cut off: what is there counts, and `lost` stays unknown
        except gzip.BadGzipFile:
            raise Unusable(f"{self._path} is no recording of falcon-sensor") from None
        except (zlib.error, ValueError) as error:
            raise Unusable(f"{self._path} is damaged: {error}") from None
        except OSError as error:
            raise Unusable(f"cannot read {self._path}: {error.strerror or error}") from None
