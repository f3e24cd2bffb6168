"""Every field of the language has an extractor or a reason why not; results have the field's type."""

from __future__ import annotations

import random

import pytest

from falcon_rules import bundle, typed
from falcon_rules.fields import table
from falcon_sensor.engine.fields import registry
from falcon_sensor.records import decode, layout

ARGUMENTS = {
    table.ArgumentForm.NONE: (None,),
    table.ArgumentForm.OPTIONAL_NUMBER: (None, "0", "1", "2", "50"),
    table.ArgumentForm.NUMBER: ("0", "50"),
    table.ArgumentForm.OPTIONAL_KEY: (None, "HOME", "1"),
    table.ArgumentForm.KEY: ("app", "/etc*", "0"),
    table.ArgumentForm.EVENT_ARGUMENT: ("fd", "flags", "res", "tuple", "newpath", "3"),
    table.ArgumentForm.RAW_EVENT_ARGUMENT: ("fd", "flags", "res", "filename"),
    table.ArgumentForm.EVENT_NAME: ("openat", "close"),
    table.ArgumentForm.PATH_END: (None, "src", "dst"),
    table.ArgumentForm.DOTTED: ("cpu",),
}
TEXT = {table.Type.CHARBUF, table.Type.FSPATH, table.Type.FSRELPATH, table.Type.BYTEBUF}
ADDRESS = {table.Type.IPADDR, table.Type.IPNET}


def references():
    for field in table.fields().values():
        for argument in ARGUMENTS[field.argument]:
            yield field, typed.FieldRef(field.name, argument, typed.Kind.TEXT)


@pytest.mark.parametrize("name", list(table.fields()))
def test_every_field_can_be_had_or_says_why_not(name):
    assert (name in registry.supported()) != (name in registry.MISSING)


def test_the_registry_has_no_field_that_the_language_lacks():
    assert registry.supported() | set(registry.MISSING) <= set(table.fields())


def value_fits(field: table.Field, value: object) -> bool:
    if value is None:
        return True
    if isinstance(value, tuple):
        return all(value_fits(field, item) for item in value)
    if field.type is table.Type.DYNAMIC:
        return isinstance(value, bytes | int)
    if field.type is table.Type.BOOL:
        return isinstance(value, bool)
    if field.type in TEXT:
        return isinstance(value, bytes)
    if field.type in ADDRESS:
        return isinstance(value, bytes) and len(value) in (4, 16)
    return isinstance(value, int) and not isinstance(value, bool)


@pytest.mark.parametrize("event_type", ["execve", "execveat", "open", "openat", "openat2", "creat", "connect"])
@pytest.mark.parametrize("result", [0, 3, -2])
def test_values_have_the_types_of_their_fields(build, session, event_type, result):
    given = {"source": b"\1\2\3\4", "destination": b"\5\6\7\10"} if event_type == "connect" else {}
    given |= {"name": b"x", "path": b"/y"} if event_type.startswith(("open", "creat")) else {}
    given |= {"args": b"a\0-b\0", "exe": b"/bin/a"} if event_type.startswith("exec") else {}
    record = build.raw(event_type, result=result, **given)
    e = session.next(decode.Record(record))
    wrong = [
        (registry.written(ref), value)
        for field, ref in references()
        if not value_fits(field, value := registry.resolver(ref)(e))
    ]
    assert wrong == []


def rule(condition: typed.Condition, *pieces: typed.FieldRef) -> bundle.Rule:
    output = bundle.Output(tuple(bundle.Placeholder(f.name, f) for f in pieces))
    return bundle.Rule("r", "r", bundle.Priority.ERROR, condition, output, None)


def test_unsupported_fields_are_named_with_rule_and_reason():
    memory = typed.FieldRef("proc.vmsize", None, typed.Kind.NUMBER)
    path = typed.FieldRef("evt.arg", "quota_fmt_out", typed.Kind.TEXT)
    size = typed.FieldRef("evt.arg", "fdlimit", typed.Kind.TEXT)
    fine = typed.FieldRef("proc.name", None, typed.Kind.TEXT)
    condition = typed.All(
        (
            typed.Negation(typed.Comparison("=", memory, (1,))),
            typed.Some((typed.Comparison("=", typed.Transform("tolower", (path,), None, typed.Kind.TEXT), (b"x",)),)),
            typed.Comparison("=", fine, fine),
        )
    )
    found = registry.unsupported(bundle.Bundle((rule(condition, size, memory, fine),)))
    assert [(name, field) for name, field, _ in found] == [
        ("r", "proc.vmsize"),
        ("r", "evt.arg.quota_fmt_out"),
        ("r", "evt.arg.fdlimit"),
    ]
    assert all(reason for _, _, reason in found)


def test_a_field_that_cannot_be_had_is_unavailable(build, read):
    assert read(build.open(b"/x", b"/x"), "proc.vmsize", "evt.arg.newpath") == (None, None)


def test_rules_that_test_the_result():
    def tests(name, argument=None):
        field = typed.FieldRef(name, argument, typed.Kind.TEXT)
        return registry.tests_result(typed.Negation(typed.Comparison("exists", field)))

    assert all(tests(name) for name in ("evt.res", "evt.rawres", "evt.failed", "evt.count.error"))
    assert tests("evt.arg", "res")
    assert tests("evt.rawarg", "res")
    assert not tests("evt.arg", "flags")
    assert not tests("proc.name")


@pytest.mark.parametrize("event_type", list(layout.KIND_OF))
def test_no_extractor_raises_whatever_a_record_says(build, session, event_type):
    extractors = [(field, ref, registry.resolver(ref)) for field, ref in references()]
    noise = random.Random(event_type)
    judged = 0
    for _ in range(40):
        data = bytearray(build.raw(event_type) + noise.randbytes(300))
        for _ in range(noise.choice((5, 60, 400))):
            # Past kind and event type, which would only make it another type's record.
            data[noise.randrange(4, len(data))] = noise.randrange(256)
        try:
            record = decode.Record(bytes(data))
        except ValueError:
            continue
        if record.kind is layout.Kind.EXEC:
            session.state.observe(record)
        e = session.next(record)
        wrong = [ref for field, ref, extract in extractors if not value_fits(field, extract(e))]
        assert wrong == []
        judged += 1
    assert judged
