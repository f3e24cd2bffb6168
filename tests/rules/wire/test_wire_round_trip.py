"""Bundles survive their bytes, and equal bundles have equal bytes."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.rules.support import conditions

from falcon_rules import bundle, typed, wire

texts = st.text(st.characters(codec="utf-8"), max_size=8) | st.sampled_from(["\udcff", "é", ""])
names = st.lists(texts, max_size=2).map(tuple)
pairs = st.lists(st.tuples(texts, texts), max_size=2).map(tuple)
placeholders = st.builds(
    bundle.Placeholder, texts, st.sampled_from(conditions.SINGLE) | conditions.calls(), st.none() | st.integers(0, 40)
)
outputs = st.lists(texts | placeholders, max_size=4).map(lambda pieces: bundle.Output(tuple(pieces)))
scopes = st.builds(bundle.Scope, st.none() | texts, pairs, names, names, st.booleans())
limits = st.none() | st.builds(bundle.RateLimit, st.integers(1, 100), st.sampled_from([1, 60, 0.5]))
rules = st.builds(
    bundle.Rule,
    uid=texts,
    name=texts,
    priority=st.sampled_from(bundle.Priority),
    condition=conditions.conditions(2),
    output=outputs,
    event_types=st.none() | names,
    source=texts,
    description=texts,
    tags=names,
    mode=st.sampled_from(bundle.Mode),
    scope=scopes,
    rate_limit=limits,
    extra_fields=pairs,
)
bundles = st.builds(bundle.Bundle, st.lists(rules, max_size=3).map(tuple), st.integers(0, 2**40))


def copied(value: Any) -> Any:
    """An equal bundle of which no part is the same object."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        parts = {each.name: copied(getattr(value, each.name)) for each in dataclasses.fields(value)}
        return type(value)(**parts)
    return tuple(map(copied, value)) if isinstance(value, tuple) else value


@settings(max_examples=100, deadline=None)
@given(bundles)
def test_a_bundle_comes_back_as_it_was(value):
    data = wire.dumps(value)
    assert wire.loads(wire.unpack(wire.pack(data))) == value


@settings(max_examples=100, deadline=None)
@given(bundles)
def test_equal_bundles_have_equal_bytes(value):
    data = wire.dumps(value)
    assert wire.dumps(copied(value)) == data
    assert wire.dumps(wire.loads(data)) == data
    assert wire.pack(data) == wire.pack(data)


def test_true_and_one_stay_different():
    flag = typed.FieldRef("evt.is_open_read", None, typed.Kind.BOOL)
    number = typed.FieldRef("proc.pid", None, typed.Kind.NUMBER)
    condition = typed.All((typed.Comparison("=", flag, (True,)), typed.Comparison("=", number, (1,))))
    rule = bundle.Rule("r", "r", bundle.Priority.ERROR, condition, bundle.Output(()), None)
    back: Any = wire.loads(wire.dumps(bundle.Bundle((rule,)))).rules[0].condition
    assert [type(part.right[0]) for part in back.children] == [bool, int]


def test_shared_parts_are_stored_once_and_come_back_shared():
    part = typed.Comparison("contains", typed.FieldRef("fd.name", None, typed.Kind.TEXT), (b"a",))
    chosen: list[typed.Condition] = [typed.All((part, typed.Negation(part))), typed.Some((part, typed.Negation(part)))]
    rules = tuple(
        bundle.Rule(str(index), "r", bundle.Priority.ERROR, condition, bundle.Output(()), None)
        for index, condition in enumerate(chosen)
    )
    data = wire.dumps(bundle.Bundle(rules))
    assert len(json.loads(data)["conditions"]) == 4
    first, second = (typed.children(rule.condition) for rule in wire.loads(data).rules)
    assert first[0] is second[0]


def test_conditions_deeper_than_the_stack_travel():
    condition: typed.Condition = typed.Truth(True)
    for _ in range(5000):
        condition = typed.Negation(condition)
    rule = bundle.Rule("r", "r", bundle.Priority.ERROR, condition, bundle.Output(()), None)
    data = wire.dumps(bundle.Bundle((rule,)))
    assert wire.dumps(wire.loads(data)) == data


def test_the_digest_names_the_bytes():
    assert wire.digest(b"") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


def test_a_compressed_bundle_has_a_size_limit():
    with pytest.raises(wire.WireError, match="larger"):
        wire.unpack(wire.pack(bytes(5_000_000)), limit=1_000_000)
    assert wire.unpack(wire.pack(bytes(1000)), limit=1000) == bytes(1000)


@pytest.mark.parametrize("packed", [b"", b"no gzip", wire.pack(b"{}" * 100)[:-6], wire.pack(b"x" * 500)[:20]])
def test_a_damaged_archive_is_one_clear_error(packed):
    with pytest.raises(wire.WireError, match="damaged"):
        wire.unpack(packed)
