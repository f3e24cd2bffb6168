"""Records and events made by hand: fixtures give builders, because test folders are no packages."""

from __future__ import annotations

from typing import Any

import pytest
from tests.sensor.support import heads

from falcon_rules import bundle, operands, typed
from falcon_rules.compiler import event_types, types
from falcon_rules.fields import table
from falcon_rules.output import parsing
from falcon_rules.syntax import parser
from falcon_sensor.engine import engine, event
from falcon_sensor.engine.fields import registry
from falcon_sensor.records import decode, layout
from falcon_sensor.state import cgroups, containers, description, view

SECOND = 1_000_000_000
CONTAINER_ID = "0123456789ab" + "c" * 52

HEAD = heads.head(pid=4242, time=100 * SECOND, start=90 * SECOND, mnt_ns=4026531840, sid=4000, vsid=4000, comm=b"cat")
ANCESTORS = (
    decode.Ancestor(80 * SECOND, 4000, 4000, b"bash"),
    decode.Ancestor(70 * SECOND, 3000, 3000, b"sshd"),
    decode.Ancestor(1 * SECOND, 1, 1, b"systemd"),
)
BODIES: dict[layout.Kind, Any] = {
    layout.Kind.EXEC: decode.ExecBody(0, 0, 0, 0, 0, 0, 0),
    layout.Kind.OPEN: decode.OpenBody(77, 0x801, 0, 0, event.AT_FDCWD),
    layout.Kind.CONNECT: decode.ConnectBody(5, 2, 1, 6, 40000, 443, 0),
    layout.Kind.NAMES: decode.NamesBody(0, 0, 0, 0, 0, 0),
    layout.Kind.DESCRIPTOR: decode.DescriptorBody(5, 0, 0, 0, 0, 0, 77, 8, 5, 0o140777, 2, 1, 6, 40000, 443, 0),
    layout.Kind.PLAIN: decode.PlainBody(0, 0, 0, 0, 0, 0),
}


class Builder:
    """`exec`, `open` and `connect` give records; keywords are members of head and body, and blobs."""

    def raw(self, event_type: str, *, ancestors=ANCESTORS, **members) -> bytes:
        kind = layout.KIND_OF[event_type]
        head, body = HEAD._replace(event=layout.EVENTS.index(event_type)), BODIES[kind]
        blobs: dict[str, bytes] = {}
        for name, value in members.items():
            if name in decode.Head._fields:
                head = head._replace(**{name: value})
            elif name in type(body)._fields:
                body = body._replace(**{name: value})
            else:
                blobs[name] = value
        return decode.encode(kind, head, tuple(ancestors), body, blobs)

    def exec(self, *argv: bytes, event_type: str = "execve", **members) -> decode.Record:
        args = b"".join(each + b"\0" for each in argv)
        return decode.Record(self.raw(event_type, args=args, **members))

    def open(self, name: bytes, path: bytes = b"", event_type: str = "openat", **members) -> decode.Record:
        members.setdefault("result", 3 if path else -2)
        return decode.Record(self.raw(event_type, name=name, path=path, **members))

    def connect(self, source: bytes, destination: bytes, **members) -> decode.Record:
        return decode.Record(self.raw("connect", source=source, destination=destination, **members))


@pytest.fixture
def build() -> Builder:
    return Builder()


@pytest.fixture
def state(tmp_path) -> view.State:
    """Of an empty machine: no processes, no passwd, no container runtime."""
    proc = tmp_path / "proc"
    proc.mkdir()
    return view.State(proc=str(proc), host_root=str(tmp_path))


@pytest.fixture
def session(state) -> event.Session:
    return event.Session(state, b"node1")


def field(written: str) -> typed.FieldRef:
    """`proc.aname[2]`, `evt.arg.flags`, ... as the compiler would refer to it."""
    name, _, rest = written.partition("[")
    return operands.reference(table.lookup(name, rest[:-1] if rest else None))


@pytest.fixture
def read(session):
    """`read(record, "proc.name")`: the field's value; a successful exec is observed first, as the pipeline does."""

    def extract(record, *written):
        if record.kind is layout.Kind.EXEC:
            session.state.observe(record)
        e = session.next(record)
        values = tuple(registry.resolver(field(each))(e) for each in written)
        return values[0] if len(values) == 1 else values

    return extract


CONTAINER = cgroups.Match(CONTAINER_ID.encode(), b"containerd", b"8c2f1e70-0000-4000-8000-000000000001")


@pytest.fixture
def contain(state, monkeypatch):
    """`contain(name=b"web", ...)`: everything happens in one container so described; `contain(None)`: undescribed."""

    def patch(found: description.Description | None = None, /, **known):
        if known:
            found = description.Description(type=b"containerd", **known)
        container = containers.Container(CONTAINER, lambda match: found)
        monkeypatch.setattr(state, "container", lambda record: container)

    return patch


@pytest.fixture
def rule():
    """`rule("name", "proc.name = x", "%proc.name ran")`: a compiled rule; keywords: members of `bundle.Rule`."""

    def make(name, condition, text="", **members):
        checked = types.check(parser.parse(condition))
        members.setdefault("event_types", event_types.of(checked))
        members.setdefault("priority", bundle.Priority.WARNING)
        return bundle.Rule(uid=f"uid/{name}", name=name, condition=checked, output=parsing.parse(text), **members)

    return make


@pytest.fixture
def engine_of(state):
    """`engine_of(rule, ..., **options)`: an engine for these rules without limits, unless options say otherwise."""

    def make(*rules, **options):
        settings = {"hostname": "node1", "rate_limit": None, **options}
        return engine.Engine(bundle.Bundle(tuple(rules)), state, engine.Options(**settings))

    return make
