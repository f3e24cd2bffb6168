"""A state that answers from a recording: no /proc, no runtimes, no clock of this machine."""

from __future__ import annotations

from falcon_sensor.recording import answers, file
from falcon_sensor.records import calls, decode, layout
from falcon_sensor.state import cgroups, containers, hosts, images, pods, users

# `State` has methods of these names.
from falcon_sensor.state import description as described
from falcon_sensor.state import process as subject

_KEPT = 4096
"""Decoded images: a few MiB, and more than take turns within a recording's moment."""


class Clock:
    """The recorded machine's, as it was when the recording began."""

    def __init__(self, offset: int) -> None:
        self._offset = offset

    def wall(self, boottime: int) -> int:
        return boottime + self._offset


class State:
    """A `questions.State`. `turn_to` each event before it is asked about; it answers for that one alone."""

    def __init__(self, reader: file.Reader) -> None:
        self._reader = reader
        self._clock = Clock(reader.header.boot_offset)
        self._hosts = hosts.Unasked()
        self._facts: dict[int, images.Facts] = {}
        self._described: dict[int, described.Description] = {}

    @property
    def clock(self) -> Clock:
        return self._clock

    @property
    def hosts(self) -> hosts.Unasked:
        return self._hosts

    def turn_to(self, event: file.Event) -> None:
        found = event.answers
        self._answers = found
        self._line = [subject.Process(self, event.record, level, each) for level, each in enumerate(found.line)]
        self._outside: dict[tuple[int, int], int | None] = {}
        for leader in (found.session, found.group):
            if leader is not None and leader.outside is not None:
                self._outside[leader.outside.pid, leader.outside.start] = leader.image

    # For the engine

    def process(self, record: decode.Record) -> subject.Process:
        return self._line[0]

    def ancestor(self, record: decode.Record, level: int) -> subject.Process | None:
        return self._line[level] if 0 <= level < len(self._line) else None

    def ancestors(self, record: decode.Record) -> list[subject.Process]:
        return self._line[1:]

    def session_leader(self, record: decode.Record) -> subject.Process | None:
        return self._leader(record, self._answers.session)

    def group_leader(self, record: decode.Record) -> subject.Process | None:
        return self._leader(record, self._answers.group)

    def pid_namespace_start(self, record: decode.Record) -> int | None:
        return self._answers.namespace_start

    def container(self, record: decode.Record) -> containers.Container:
        own = self._answers.own

        def describe(_: cgroups.Match) -> described.Description | None:
            return self._description(own)

        return answers.container_of(self._answers, describe)

    def pod(self, record: decode.Record) -> pods.Pod | None:
        """Recordings are of machines, not of nodes: what the API server says is not in them."""
        return None

    def description(self, record: decode.Record) -> described.Description | None:
        return containers.HOST.description if self._answers.match is None else self._description(self._answers.told)

    def user(self, record: decode.Record) -> users.User:
        return self._answers.user

    def group(self, record: decode.Record) -> users.Group:
        return self._answers.names

    def user_name(self, record: decode.Record, uid: int) -> bytes:
        return self._answers.named.get((calls.Role.USER.value, uid), users.UNKNOWN)

    def group_name(self, record: decode.Record, gid: int) -> bytes:
        return self._answers.named.get((calls.Role.GROUP.value, gid), users.UNKNOWN)

    def comm_of(self, record: decode.Record, pid: int) -> bytes | None:
        return self._answers.named.get((calls.Role.PROCESS.value, pid))

    def login_user(self, record: decode.Record) -> users.User | None:
        return self._answers.login

    # For `process.Process`

    def facts_of(self, asked: subject.Process) -> images.Facts | None:
        head = asked.record.head
        if asked.level == 0 and head.kind == layout.Kind.EXEC and head.result == 0:
            return images.facts_of(asked.record)
        outside = self._outside.get((asked.pid, asked.start))
        number = self._answers.images[asked.level] if asked.level >= 0 else outside
        return None if number is None else self._image(number)

    def cwd_of(self, asked: subject.Process) -> bytes | None:
        if asked.level == 0:
            return self._answers.cwd
        facts = asked.facts
        return facts.cwd or None if facts is not None else None

    def _leader(self, record: decode.Record, found: answers.Leader | None) -> subject.Process | None:
        if found is None:
            return None
        if found.level is not None:
            return self.ancestor(record, found.level)
        return None if found.outside is None else subject.Process(self, record, -1, found.outside)

    def _image(self, number: int) -> images.Facts:
        facts = self._facts.get(number)
        if facts is None:
            if len(self._facts) >= _KEPT:
                self._facts.clear()
            facts = self._facts[number] = answers.facts_of(self._reader.images[number])
        return facts

    def _description(self, number: int | None) -> described.Description | None:
        if number is None:
            return None
        found = self._described.get(number)
        if found is None:
            found = self._described[number] = answers.description_of(self._reader.descriptions[number])
        return found
