"""A slow and obvious evaluator of typed conditions, to compare the generated functions with.

Written from the meaning of each operator, one value at a time; it shares nothing with
`falcon_rules.evaluate`. Events are mappings from FieldRef to value.
"""

from __future__ import annotations

import base64
import fnmatch
import ipaddress
import re

from falcon_rules import typed
from falcon_rules.fields import table


def holds(condition, event):
    match condition:
        case typed.Truth(value):
            return value
        case typed.All(children):
            return all(holds(child, event) for child in children)
        case typed.Some(children):
            return any(holds(child, event) for child in children)
        case typed.Negation(child):
            return not holds(child, event)
        case typed.Comparison():
            return comparison(condition, event)


def comparison(c, event):
    left = value_of(c.left, event)
    if left is None:
        return False
    any_of = table.any_of(c.left.name, c.left.argument) if isinstance(c.left, typed.FieldRef) else None
    if c.op == "exists":
        return any_of is None or len(left) > 0
    if not isinstance(c.right, tuple):
        right = value_of(c.right, event)
        if right is None:
            return False
        return many(c.op, left, list(right)) if c.left.many else one(c.op, left, [right])
    right = list(c.right)
    if any_of is table.AnyOf.ANCESTORS:
        return any(modified(c.op, c.modifier, candidate, right) for candidate in left)
    if any_of is table.AnyOf.ENDS:
        return ends(c.op, c.modifier, left, right)
    if c.left.many:
        return many(c.op, left, right)
    return modified(c.op, c.modifier, left, right)


def ends(op, modifier, pair, right):
    if len(pair) == 0:
        return False

    def of_pair(values):
        results = [one(op, end, values) for end in pair]
        return all(results) if op == "!=" else any(results)

    return counted(modifier, [of_pair([value]) for value in right]) if modifier else of_pair(right)


def modified(op, modifier, left, right):
    return counted(modifier, [one(op, left, [value]) for value in right]) if modifier else one(op, left, right)


def counted(modifier, results):
    if modifier == "oneof":
        return results.count(True) == 1
    return results != [] and (any(results) if modifier == "anyof" else all(results))


def many(op, items, right):
    inside = [any(equal(item, value) for value in right) for item in items]
    return all(inside) if op == "in" else any(inside)


def equal(left, right):
    if isinstance(right, typed.Network):
        address = ipaddress.ip_address(left)
        network = ipaddress.ip_network((right.address, right.bits))
        return address.version == network.version and address in network
    return left == right


def one(op, left, right):
    if op in ("in", "intersects"):
        return any(equal(left, value) for value in right)
    if op == "pmatch":
        return any(below(left, value) for value in right)
    return SINGLE[op](left, right[0])


SINGLE = {
    "=": lambda left, value: equal(left, value),
    "!=": lambda left, value: not equal(left, value),
    "<": lambda left, value: left < value,
    "<=": lambda left, value: left <= value,
    ">": lambda left, value: left > value,
    ">=": lambda left, value: left >= value,
    "contains": lambda left, value: left.find(value) >= 0,
    "bcontains": lambda left, value: left.find(value) >= 0,
    "icontains": lambda left, value: left.lower().find(value.lower()) >= 0,
    "startswith": lambda left, value: left[: len(value)] == value,
    "bstartswith": lambda left, value: left[: len(value)] == value,
    "endswith": lambda left, value: value == b"" or left[-len(value) :] == value,
    "glob": lambda left, value: glob(left, value),
    "iglob": lambda left, value: glob(left.lower(), value.lower()),
    "regex": lambda left, value: re.fullmatch(value, left) is not None,
}


def glob(value, pattern):
    """Python's fnmatch agrees with fnmatch(3) on `*`, `?` and plain characters, all that tests use here."""
    return fnmatch.fnmatchcase(value, pattern)


def below(value, pattern):
    parts = [part for part in value.split(b"/") if part]
    wanted = [part for part in pattern.split(b"/") if part]
    return len(wanted) <= len(parts) and all(map(glob, parts, wanted))


def value_of(operand, event):
    if isinstance(operand, typed.FieldRef):
        return event.get(operand)
    if isinstance(operand, typed.Constant):
        return operand.value
    if isinstance(operand, typed.ListOf):
        return [value_of(item, event) for item in operand.items]
    arguments = [value_of(argument, event) for argument in operand.arguments]
    if any(argument is None or (isinstance(argument, list) and None in argument) for argument in arguments):
        return None
    return CALLS[operand.name](operand, *arguments)


def text(item):
    return str(item).encode() if isinstance(item, int) else item


def itemwise(function):
    return lambda operand, value: tuple(map(function, value)) if operand.many else function(value)


def decoded(value):
    try:
        return base64.b64decode(value + b"=" * (-len(value) % 4), validate=True)
    except ValueError:
        return None


CALLS = {
    "tolower": itemwise(bytes.lower),
    "toupper": itemwise(bytes.upper),
    "basename": itemwise(lambda value: value.split(b"/")[-1]),
    "b64": lambda operand, value: decoded(value),
    "len": lambda operand, value: len(value),
    "join": lambda operand, separator, items: separator.join(map(text, items)),
    "concat": lambda operand, *items: b"".join(map(text, items)),
}
