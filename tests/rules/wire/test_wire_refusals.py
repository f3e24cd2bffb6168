"""Whatever is no bundle of this version is one WireError, never another exception."""

from __future__ import annotations

import contextlib
import copy
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from falcon_rules import bundle, typed, wire

NAME = typed.FieldRef("proc.name", None, typed.Kind.TEXT)
CALL = typed.Transform("join", (typed.Constant(b","), typed.ListOf((NAME, typed.Constant(5)))), None, typed.Kind.TEXT)
NETWORK = typed.Comparison("=", typed.FieldRef("fd.snet", None, typed.Kind.NETWORK), (typed.Network(bytes(4), 8),))
CONDITION = typed.Some(
    (
        typed.All((typed.Comparison("in", NAME, (b"a", b"\xff")), NETWORK)),
        typed.Negation(typed.Comparison("=", NAME, CALL)),
        typed.Comparison("regex", NAME, (b"a+",)),
        typed.Comparison("=", typed.FieldRef("proc.pid", None, typed.Kind.NUMBER), (1, 2), "oneof"),
    )
)
RULE = bundle.Rule(
    uid="r",
    name="r",
    priority=bundle.Priority.ERROR,
    condition=CONDITION,
    output=bundle.Output(("a", bundle.Placeholder("proc.name", NAME, 8))),
    event_types=("open",),
    tags=("t",),
    scope=bundle.Scope(pod_labels=(("a", "b"),)),
    rate_limit=bundle.RateLimit(1, 60.0),
    extra_fields=(("a", "b"),),
)
GOOD = json.loads(wire.dumps(bundle.Bundle((RULE,), 7)))


def bytes_of(value):
    return json.dumps(value).encode()


def test_the_good_one_is_read():
    assert wire.loads(bytes_of(GOOD)).rules == (RULE,)


@pytest.mark.parametrize(
    "data",
    [
        *[b"", b"null", b"[]", b"{", b"\xff\xfe", b"{}", b'{"format": 1}', b'{"format": true}', b'{"format": NaN}'],
        *[b"[" * 100_000, b'{"format": 1, "format": 1}', b"9" * 5000],
    ],
)
def test_what_is_no_bundle_is_refused(data):
    with pytest.raises(wire.WireError):
        wire.loads(data)


def test_another_version_is_refused_with_what_to_do():
    with pytest.raises(wire.WireError, match="format version 2, this program reads version 1"):
        wire.loads(bytes_of(GOOD | {"format": 2, "news": True}))


@pytest.mark.parametrize(
    ("table", "entry"),
    [
        ("conditions", ["not", 99]),
        ("conditions", ["not", -1]),
        ("conditions", ["not", True]),
        ("conditions", ["all", []]),
        ("conditions", ["xor", [0]]),
        ("conditions", ["is", "like", None, 0, []]),
        ("conditions", ["is", "=", "noneof", 0, [{"b": "a"}]]),
        ("conditions", ["is", "=", None, 0, []]),
        ("conditions", ["is", "=", None, 0, [5]]),
        ("conditions", ["is", "=", None, 0, [{"b": "\ud800"}]]),
        ("conditions", ["is", "regex", None, 0, [{"b": "("}]]),
        ("conditions", ["is", "in", None, 0, [{"n": ["00", 1]}]]),
        ("conditions", []),
        ("conditions", 5),
        ("operands", ["field", "proc.name", None, "picture", False]),
        ("operands", ["field", "proc.name", None, "text", 0]),
        ("operands", ["call", "eval", [], None, "text", False]),
        ("operands", ["call", "len", [1000], None, "text", False]),
        ("operands", ["value", True]),
    ],
)
def test_a_bad_entry_is_refused_with_its_place(table, entry):
    value = copy.deepcopy(GOOD)
    value[table].append(entry)
    with pytest.raises(wire.WireError, match=rf"{table}\[{len(value[table]) - 1}\]"):
        wire.loads(bytes_of(value))


def places(value, path=()):
    """Every place in a JSON value."""
    yield path
    if isinstance(value, dict | list):
        for key in value if isinstance(value, dict) else range(len(value)):
            yield from places(value[key], (*path, key))


@settings(max_examples=300, deadline=None)
@given(
    st.sampled_from([path for path in places(GOOD) if path]),
    st.sampled_from([None, True, -1, 0, 1, 3, 10**6, 0.5, 1e999, "", "text", [], [0], {}, {"b": "x"}]),
)
def test_a_bundle_with_one_wrong_place_is_read_or_refused(path, replacement):
    value = copy.deepcopy(GOOD)
    inner = value
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = replacement
    with contextlib.suppress(wire.WireError):
        assert isinstance(wire.loads(bytes_of(value)), bundle.Bundle)
