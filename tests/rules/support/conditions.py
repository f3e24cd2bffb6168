"""Hypothesis strategies: typed conditions over a few fields of every kind, and events for them.

Values come from small pools, so that comparisons hold about as often as not.
"""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from falcon_rules import typed

K = typed.Kind
TEXTS = [b"", b"a", b"ab", b"B", b"/a/b", b"/a", b"a/", b"\xff", b"7", b"YWI="]
GLOBS = [b"*", b"a*", b"*b", b"?", b"*a*", b"a?b*", b"/a/*"]
REGEXES = [b"a.*", b"[ab]+", b"a|b", b"/(a|b)/?b*"]
PATHS = [b"/a", b"/a/b", b"/", b"a/?", b"/*/b"]
NUMBERS = [-1, 0, 1, 2, 443, 2**40]
ADDRESSES = [bytes([10, 0, 0, 1]), bytes([10, 1, 0, 1]), bytes([192, 168, 0, 9]), bytes(15) + b"\x01"]
NETWORKS = [
    typed.Network(bytes([10, 0, 0, 0]), 8),
    typed.Network(bytes([10, 0, 0, 0]), 16),
    typed.Network(bytes(4), 0),
    typed.Network(bytes(16), 64),
]
EVENT_TYPES = [b"open", b"openat", b"execve"]


def field(name, kind, many=False, argument=None):
    return typed.FieldRef(name, argument, kind, many)


EVENT_TYPE = field("evt.type", K.TEXT)
EVENT_NUMBER = field("evt.num", K.NUMBER)
SINGLE = [
    field("proc.name", K.TEXT),
    field("fd.name", K.TEXT),
    field("proc.aname", K.TEXT, argument="2"),
    field("proc.pid", K.NUMBER),
    field("user.uid", K.NUMBER),
    field("evt.is_open_read", K.BOOL),
    field("fd.sip", K.ADDRESS),
    field("fd.cip", K.ADDRESS),
    field("fd.snet", K.NETWORK),
    field("evt.buffer", K.BYTES),
]
ANCESTORS = [field("proc.aname", K.TEXT), field("proc.apid", K.NUMBER)]
ENDS = [field("fd.ip", K.ADDRESS), field("fd.net", K.NETWORK), field("fd.port", K.NUMBER)]
LISTS = [field("fd.types", K.TEXT, many=True), field("test.nets", K.NETWORK, many=True)]

VALUES: dict[K, st.SearchStrategy[Any]] = {
    K.TEXT: st.sampled_from(TEXTS),
    K.BYTES: st.sampled_from(TEXTS),
    K.NUMBER: st.sampled_from(NUMBERS),
    K.BOOL: st.booleans(),
    K.ADDRESS: st.sampled_from(ADDRESSES),
    K.NETWORK: st.sampled_from(ADDRESSES),
}
LITERALS: dict[K, st.SearchStrategy[Any]] = VALUES | {K.NETWORK: st.sampled_from(NETWORKS)}
PLAIN_OPS = {
    K.TEXT: ["=", "!=", "<", "<=", ">", ">=", "contains", "icontains", "startswith", "endswith"],
    K.BYTES: ["=", "!=", "contains", "startswith", "endswith", "bcontains", "bstartswith"],
    K.NUMBER: ["=", "!=", "<", "<=", ">", ">="],
    K.BOOL: ["=", "!="],
    K.ADDRESS: ["=", "!="],
    K.NETWORK: ["=", "!="],
}
MODIFIERS = ["oneof", "anyof", "allof"]
ORDER = ["<", "<=", ">", ">="]


def events():
    """Mappings from field to value; any field may be unavailable, except what every event has."""
    members = {each: st.none() | VALUES[each.kind] for each in SINGLE}
    members |= {each: st.none() | st.lists(VALUES[each.kind], min_size=1, max_size=3).map(tuple) for each in ANCESTORS}
    members |= {each: st.none() | st.lists(VALUES[each.kind], min_size=1, max_size=2).map(tuple) for each in ENDS}
    members |= {each: st.none() | st.lists(VALUES[each.kind], max_size=3).map(tuple) for each in LISTS}
    members[EVENT_TYPE] = st.sampled_from(EVENT_TYPES)
    members[EVENT_NUMBER] = st.integers(1, 3)
    return st.fixed_dictionaries(members)


def conditions(depth=3):
    """Conditions with everything the compiler can produce, folded or not, up to `depth` levels.

    Each is made of few different leaves: what goes wrong in generated source goes wrong where a
    field or a part occurs again.
    """
    leaf = comparisons() | rows() | st.booleans().map(typed.Truth)
    return st.lists(leaf, min_size=2, max_size=5).flatmap(lambda leaves: _trees(leaves, depth))


def _trees(leaves, depth):
    # st.recursive gives little but rows of negations here, so the levels are built by hand.
    level = st.sampled_from(leaves)
    for _ in range(depth):
        parts = st.lists(level, min_size=1, max_size=4).map(tuple)
        level = parts.map(typed.All) | parts.map(typed.Some) | level.map(typed.Negation) | st.sampled_from(leaves)
    return level


def rows():
    """Several tests of one operand in a row, as exceptions make them."""
    operands = st.sampled_from([SINGLE[0], SINGLE[3], *ANCESTORS, *ENDS])
    return operands.flatmap(_row)


def _row(left):
    literal: st.SearchStrategy[typed.Value] = LITERALS[left.kind]
    equal = literal.map(lambda value: typed.Comparison("=", left, (value,)))
    within = st.lists(literal, min_size=1, max_size=2).map(lambda values: typed.Comparison("in", left, tuple(values)))
    test = equal | within
    if left.kind is K.TEXT:
        affix = st.sampled_from(["startswith", "endswith"])
        test |= st.builds(lambda op, value: typed.Comparison(op, left, (value,)), affix, literal)
    part = test | test.map(typed.Negation)
    row = st.lists(part, min_size=2, max_size=4).map(tuple)
    return row.map(typed.All) | row.map(typed.Some)


def comparisons():
    everything = [*SINGLE, *ANCESTORS, *ENDS, *LISTS, EVENT_NUMBER]
    return st.one_of(
        st.sampled_from(everything).map(lambda left: typed.Comparison("exists", left)),
        st.sampled_from([*SINGLE, *ANCESTORS, *ENDS, EVENT_NUMBER, *SINGLE]).flatmap(_with_literals),
        st.sampled_from(LISTS).flatmap(_on_list),
        _event_type(),
        _with_operand(),
        calls().flatmap(_with_literals),
    )


def _event_type():
    return st.one_of(
        st.builds(
            lambda op, value: typed.Comparison(op, EVENT_TYPE, (value,)),
            st.sampled_from(["=", "!=", "startswith"]),
            st.sampled_from(EVENT_TYPES),
        ),
        st.lists(st.sampled_from(EVENT_TYPES), max_size=2).map(
            lambda values: typed.Comparison("in", EVENT_TYPE, tuple(values))
        ),
        st.just(typed.Comparison("exists", EVENT_TYPE)),
    )


def _with_literals(left):
    literal = LITERALS[left.kind]
    several = st.lists(literal, max_size=3).map(tuple)
    ops = PLAIN_OPS[left.kind]
    choices = [
        st.builds(lambda op, value: typed.Comparison(op, left, (value,)), st.sampled_from(ops), literal),
        st.builds(
            lambda op, values: typed.Comparison(op, left, values), st.sampled_from(["in", "intersects"]), several
        ),
    ]
    modified = [op for op in ops if op not in ORDER]
    choices.append(
        st.builds(
            lambda op, modifier, values: typed.Comparison(op, left, values, modifier),
            st.sampled_from(modified),
            st.sampled_from(MODIFIERS),
            several,
        )
    )
    if left.kind is K.TEXT:
        choices += [_pattern(left, op, GLOBS) for op in ("glob", "iglob")]
        choices.append(_pattern(left, "regex", REGEXES))
        paths = st.lists(st.sampled_from(PATHS), max_size=3).map(tuple)
        choices.append(paths.map(lambda values: typed.Comparison("pmatch", left, values)))
    return st.one_of(choices)


def _pattern(left, op, pool):
    plain = st.sampled_from(pool).map(lambda value: typed.Comparison(op, left, (value,)))
    several = st.lists(st.sampled_from(pool), max_size=3).map(tuple)
    modified = st.builds(
        lambda values, modifier: typed.Comparison(op, left, values, modifier), several, st.sampled_from(MODIFIERS)
    )
    return plain | modified


def _on_list(left):
    several = st.lists(LITERALS[left.kind], max_size=3).map(tuple)
    return st.builds(
        lambda op, values: typed.Comparison(op, left, values), st.sampled_from(["in", "intersects"]), several
    )


def _with_operand():
    texts = st.sampled_from([each for each in SINGLE if each.kind is K.TEXT]) | calls().filter(
        lambda call: call.kind is K.TEXT
    )
    numbers = st.sampled_from([each for each in SINGLE if each.kind is K.NUMBER])
    addresses = st.sampled_from([each for each in SINGLE if each.kind is K.ADDRESS])
    lists = st.just(LISTS[0]) | st.just(typed.Transform("tolower", (LISTS[0],), None, K.TEXT, True))
    return st.one_of(
        st.builds(typed.Comparison, st.sampled_from([*PLAIN_OPS[K.TEXT], "in", "glob"]), texts, texts),
        st.builds(typed.Comparison, st.sampled_from(PLAIN_OPS[K.NUMBER]), numbers, numbers),
        st.builds(typed.Comparison, st.sampled_from(["=", "!="]), addresses, addresses),
        st.builds(typed.Comparison, st.sampled_from(["in", "intersects"]), lists, lists),
    )


def calls():
    """Transformer calls that give text or a number."""
    text = st.sampled_from([each for each in SINGLE if each.kind is K.TEXT])
    constant = st.sampled_from(TEXTS).map(typed.Constant)
    number = st.sampled_from([each for each in SINGLE if each.kind is K.NUMBER])
    inner = text | st.builds(lambda name, part: _call(name, part), st.sampled_from(["tolower", "toupper"]), text)
    items = st.lists(inner | constant | number, max_size=3).map(lambda parts: typed.ListOf(tuple(parts)))
    return st.one_of(
        st.builds(lambda name, part: _call(name, part), st.sampled_from(["tolower", "basename", "b64"]), inner),
        inner.map(lambda part: _call("len", part, kind=K.NUMBER)),
        st.just(_call("len", LISTS[0], kind=K.NUMBER)),
        st.builds(lambda one, two: _call("concat", one, two), inner, constant),
        st.builds(lambda separator, parts: _call("join", separator, parts), constant, items),
    )


def _call(name, *parts, kind=K.TEXT):
    return typed.Transform(name, parts, None, kind)
