"""Everything a rule may ask of the state about one record, as plain data.

At the time of the record, because later nobody knows: processes end, containers go, files of users
change. Text is bytes and stands in JSON as latin-1, byte for byte.
"""

from __future__ import annotations

import dataclasses
import functools
import json
from collections.abc import Callable, Hashable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from falcon_sensor.records import calls, decode, layout
from falcon_sensor.state import cgroups, containers, description, images, process, questions, users

Json: TypeAlias = dict[str, Any]
Intern: TypeAlias = Callable[[str, Hashable, Callable[[], Any]], int]
"""Gives a number for a piece that many records share: its kind, what tells it from others, and how to make its plain
data, which happens once."""


@dataclass(frozen=True, slots=True)
class Leader:
    """A process among those of the line (`level`), or one outside it."""

    level: int | None
    outside: decode.Ancestor | None
    image: int | None


@dataclass(frozen=True, slots=True)
class Answers:
    """line: the process and its ancestors. images: what each of them runs, None where that is not known, or for the
    record's own exec. match: its container, None on the host. own, told: what its runtime says of it, and what is
    known of it altogether. named: what ids among a call's arguments are called, by role and id."""

    line: tuple[decode.Ancestor, ...]
    images: tuple[int | None, ...]
    cwd: bytes | None
    session: Leader | None
    group: Leader | None
    namespace_start: int | None
    match: cgroups.Match | None
    own: int | None
    told: int | None
    user: users.User
    names: users.Group
    login: users.User | None
    named: Mapping[tuple[str, int], bytes]


def ask(state: questions.State, record: decode.Record, intern: Intern) -> Json:
    """Asks everything. The record is one that the state has observed."""
    itself = state.process(record)
    line = [itself, *state.ancestors(record)]
    container = state.container(record)
    login = state.login_user(record)
    return {
        "line": [[*_identity(each), _image(each, intern)] for each in line],
        "cwd": _text(itself.cwd),
        "session": _leader(state.session_leader(record), line, intern),
        "group": _leader(state.group_leader(record), line, intern),
        "pidns": state.pid_namespace_start(record),
        "container": None
        if container.is_host
        else [_text(container.full_id), _text(container.type), _text(container.cgroup_pod_uid)],
        "own": _described(None if container.is_host else container.description, intern),
        "told": _described(None if container.is_host else state.description(record), intern),
        "user": _user(state.user(record)),
        "names": [state.group(record).gid, _text(state.group(record).name)],
        "login": None if login is None else _user(login),
        "named": list(_named(state, record)),
    }


def read(found: Json) -> Answers:
    """The other way. Raises KeyError, TypeError, ValueError for what `ask` did not write."""
    match = found["container"]
    return Answers(
        line=tuple(_ancestor(entry[:4]) for entry in found["line"]),
        images=tuple(entry[4] for entry in found["line"]),
        cwd=_bytes(found["cwd"]),
        session=_read_leader(found["session"]),
        group=_read_leader(found["group"]),
        namespace_start=found["pidns"],
        match=None if match is None else cgroups.Match(*(_bytes(each) for each in match)),  # type: ignore[arg-type]
        own=found["own"],
        told=found["told"],
        user=_read_user(found["user"]),
        names=users.Group(found["names"][0], _surely(found["names"][1])),
        login=None if found["login"] is None else _read_user(found["login"]),
        # Recordings from before there were such calls have none.
        named={(role, number): _surely(text) for role, number, text in found.get("named", ())},
    )


def _named(state: questions.State, record: decode.Record) -> Iterator[tuple[str, int, str]]:
    """Users, groups and processes among the call's arguments."""
    call = calls.CALLS.get(record.event)
    ask_for = {
        calls.Role.USER: state.user_name,
        calls.Role.GROUP: state.group_name,
        calls.Role.PROCESS: state.comm_of,
    }
    for position, register in enumerate(call.registers if call is not None else ()):
        if register.role in ask_for:
            number = record.argument(position)
            text = ask_for[register.role](record, number)
            if text is not None:
                yield register.role.value, number, text.decode("latin-1")


def facts_of(raw: str) -> images.Facts:
    """What `image` wrote."""
    return images.facts_of(decode.Record(raw.encode("latin-1")))


def description_of(found: Json) -> description.Description:
    """A description by its plain data: every text in one is bytes."""
    values = {name: _value(value) for name, value in found.items()}
    values["mounts"] = tuple(description.Mount(*entry) for entry in values["mounts"])
    return description.Description(**values)


def container_of(
    answers: Answers, describe: Callable[[cgroups.Match], description.Description | None]
) -> containers.Container:
    return containers.HOST if answers.match is None else containers.Container(answers.match, describe)


def _identity(each: process.Process) -> list[Any]:
    return [each.start, each.pid, each.vpid, _text(each.comm)]


def _image(each: process.Process, intern: Intern) -> int | None:
    """The number of an exec record that tells the process's facts."""
    own = each.level == 0 and each.record.kind is layout.Kind.EXEC and each.record.head.result == 0
    facts = None if own else each.facts
    if facts is None:
        return None
    # Execs differ in pid and time; what /proc told of a process from before us may be another thing when read again.
    key = (facts.pid, facts.start, facts.time, facts.comm, facts.argv, facts.exepath)
    return intern("image", key, functools.partial(_raw, facts))


def _raw(facts: images.Facts) -> str:
    """An exec record that `facts_of` reads back."""
    blobs = {
        "filename": facts.filename,
        "exe": facts.exepath,
        "cwd": facts.cwd,
        "args": b"".join(entry + b"\0" for entry in facts.argv),
        "env": b"".join(entry + b"\0" for entry in facts.env),
    }
    raw = decode.encode(layout.Kind.EXEC, facts.head, facts.ancestors, facts.body, blobs)
    return raw.decode("latin-1")


def _leader(found: process.Process | None, line: list[process.Process], intern: Intern) -> Any:
    """Its level, or its identity and image where it is no ancestor."""
    if found is None:
        return None
    for level, each in enumerate(line):
        if (each.pid, each.start) == (found.pid, found.start):
            return level
    return [*_identity(found), _image(found, intern)]


def _read_leader(found: Any) -> Leader | None:
    if found is None:
        return None
    if isinstance(found, int):
        return Leader(found, None, None)
    return Leader(None, _ancestor(found[:4]), found[4])


def _described(found: description.Description | None, intern: Intern) -> int | None:
    if found is None:
        return None
    plain = _plain(found)
    return intern("description", json.dumps(plain), lambda: plain)


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return _text(value)
    if isinstance(value, description.Mount | description.Description):
        return {field.name: _plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {key if isinstance(key, str) else _text(key): _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return value


def _value(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("latin-1")
    if isinstance(value, dict):  # labels; mounts are in a list, with their members by name
        return {key.encode("latin-1"): _value(each) for key, each in value.items()}
    if isinstance(value, list):
        return [tuple(_value(each) for each in entry.values()) for entry in value]
    return value


def _ancestor(entry: list[Any]) -> decode.Ancestor:
    start, pid, vpid, comm = entry
    return decode.Ancestor(start, pid, vpid, _surely(comm))


def _user(found: users.User) -> list[Any]:
    return [found.uid, _text(found.name), _text(found.home), _text(found.shell)]


def _read_user(found: list[Any]) -> users.User:
    uid, name, home, shell = found
    return users.User(uid, _surely(name), _surely(home), _surely(shell))


def _text(value: bytes | None) -> str | None:
    return None if value is None else value.decode("latin-1")


def _bytes(value: str | None) -> bytes | None:
    return None if value is None else value.encode("latin-1")


def _surely(value: str) -> bytes:
    return value.encode("latin-1")
