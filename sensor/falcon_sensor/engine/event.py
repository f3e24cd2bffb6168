"""One record being judged: what rules read, each fact found at most once.

    decode.Record + state.view.State -> Event -> fields.* extractors -> values

Most records are settled by a field or two of the head, so everything else (process image,
container, users, paths) is looked up on first use and kept for the record's other rules.

**Either name.** An opened file has two names: where the kernel found it (`opened`), and what the
caller wrote, made absolute as text (`given`). A symlink, a bind mount or a name changed between
check and use makes them differ, and each may be the one a rule is about. Rules are tried with
`path` set to the first and then, if there is a second, to the second.
"""

from __future__ import annotations

from typing import Final

from falcon_sensor.engine import paths
from falcon_sensor.engine.fields import names
from falcon_sensor.records import decode, layout
from falcon_sensor.state import containers, description, pods, questions, users
from falcon_sensor.state import process as subject  # `Event` has a property of that name


class _Unset:
    """Marks a fact nobody has asked for yet: None is a fact."""


UNSET: Final = _Unset()
AT_FDCWD = -100
FILE, DIRECTORY = b"file", b"directory"


class Session:
    """What all events of one engine share.

    hostname: of this machine, as `evt.hostname` prints it. first, previous: times of the session's
    first event and of the one before the current one (CLOCK_BOOTTIME ns).
    """

    __slots__ = ("first", "hostname", "number", "previous", "state")

    def __init__(self, state: questions.State, hostname: bytes) -> None:
        self.state = state
        self.hostname = hostname
        self.number = 0
        self.first: int | None = None
        self.previous: int | None = None

    def next(self, record: decode.Record) -> Event:
        """The event of `record`; numbers start at 1."""
        self.number += 1
        time = record.head.time
        if self.first is None:
            self.first = time
        event = Event(record, self, self.number, max(0, time - (self.previous or time)))
        self.previous = time
        return event


class Event:
    """One record with its state. `path` is the file name that rules are tried with now."""

    __slots__ = (
        "_ancestors",
        "_container",
        "_given",
        "_group",
        "_login",
        "_path",
        "_pod",
        "_process",
        "_user",
        "_wall",
        "body",
        "delta",
        "head",
        "kind",
        "number",
        "record",
        "session",
        "type",
    )

    def __init__(self, record: decode.Record, session: Session, number: int = 1, delta: int = 0) -> None:
        self.record = record
        self.session = session
        self.number = number
        self.delta = delta
        self.head = record.head
        self.kind = record.kind
        self.type = record.event
        self.body = record.body
        self._path: bytes | _Unset | None = UNSET
        self._given: bytes | _Unset | None = UNSET
        self._wall: int | None = None
        self._process: subject.Process | None = None
        self._ancestors: list[subject.Process] | None = None
        self._container: containers.Container | None = None
        self._pod: pods.Pod | _Unset | None = UNSET
        self._user: users.User | None = None
        self._group: users.Group | None = None
        self._login: users.User | _Unset | None = UNSET

    @property
    def wall(self) -> int:
        """The event's time in ns since the epoch; one value however often it is asked for."""
        if self._wall is None:
            self._wall = self.session.state.clock.wall(self.head.time)
        return self._wall

    @property
    def failed(self) -> bool:
        return self.head.result < 0

    @property
    def process(self) -> subject.Process:
        if self._process is None:
            self._process = self.session.state.process(self.record)
        return self._process

    @property
    def ancestors(self) -> list[subject.Process]:
        """Parent first."""
        if self._ancestors is None:
            self._ancestors = self.session.state.ancestors(self.record)
        return self._ancestors

    def ancestor(self, level: int) -> subject.Process | None:
        """0: the process itself, 1: its parent."""
        if level == 0:
            return self.process
        if self._ancestors is None:
            # Walking the whole chain costs more than most rules need: they ask for the parent.
            return self.session.state.ancestor(self.record, level)
        return self._ancestors[level - 1] if 0 < level <= len(self._ancestors) else None

    @property
    def container(self) -> containers.Container:
        if self._container is None:
            self._container = self.session.state.container(self.record)
        return self._container

    @property
    def description(self) -> description.Description | None:
        return self.session.state.description(self.record)

    @property
    def pod(self) -> pods.Pod | None:
        """As the API server tells of it; None outside pods, and while it has not."""
        if isinstance(self._pod, _Unset):
            self._pod = self.session.state.pod(self.record)
        return self._pod

    @property
    def user(self) -> users.User:
        if self._user is None:
            self._user = self.session.state.user(self.record)
        return self._user

    @property
    def group(self) -> users.Group:
        if self._group is None:
            self._group = self.session.state.group(self.record)
        return self._group

    @property
    def login(self) -> users.User | None:
        if isinstance(self._login, _Unset):
            self._login = self.session.state.login_user(self.record)
        return self._login

    # Files

    @property
    def opened(self) -> bytes | None:
        """Where the kernel found the opened file; None when nothing was opened."""
        if self.kind is not layout.Kind.OPEN:
            return None
        return self.record.blob("path") or None

    @property
    def given(self) -> bytes | None:
        """The caller's name made absolute as text; None when it can't be, or was unreadable."""
        if isinstance(self._given, _Unset):
            self._given = self._absolute_name()
        return self._given

    @property
    def path(self) -> bytes | None:
        """`fd.name` of a file: the opened path first, the given one where there is no other."""
        if isinstance(self._path, _Unset):
            self._path = self.opened or self.given
        return self._path

    @path.setter
    def path(self, name: bytes | None) -> None:
        self._path = name

    @property
    def other_name(self) -> bytes | None:
        """The given name where it differs from the opened one."""
        opened, given = self.opened, self.given
        return given if opened and given and given != opened else None

    @property
    def open_flags(self) -> int:
        """O_* of an open; creat has none of its own and means these three."""
        if not isinstance(self.body, decode.OpenBody):
            return 0
        if self.type == "creat":
            return self.body.open_flags | names.O_WRONLY | names.O_CREAT | names.O_TRUNC
        return self.body.open_flags

    @property
    def is_directory(self) -> bool:
        return self.open_flags & names.O_DIRECTORY != 0 and self.open_flags & names.O_TMPFILE != names.O_TMPFILE

    def _absolute_name(self) -> bytes | None:
        if not isinstance(self.body, decode.OpenBody):
            return None
        name = self.record.blob("name")
        if name.startswith(b"/"):
            return paths.normalise(name)
        if not name:
            return None
        if base := self.record.blob("base"):
            return paths.absolute(name, base)
        opened = self.opened
        # The kernel ships no base with a successful open. If the opened path ends in the name, no link was followed
        # in that part of it, and the two names are one: the usual case, decided without asking anybody.
        if opened and opened.endswith(paths.normalise(b"/" + name)) and b".." not in name:
            return opened
        return paths.absolute(name, self.process.cwd) if self.body.dirfd == AT_FDCWD else None
