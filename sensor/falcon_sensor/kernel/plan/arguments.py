"""`evt.arg.*` and `evt.rawarg.*` of the calls in `records.calls`, as far as the kernel can decide them.

An argument is a register, so its number is a fact; what rules compare is mostly its text: the name
of a constant, names of flags, a path made absolute.
"""

from __future__ import annotations

from falcon_rules import typed
from falcon_sensor.kernel.plan import atoms, decisions, expression, texts
from falcon_sensor.records import calls, constants


def fact(position: int) -> str:
    """The fact that holds the call's register."""
    return f"argument_{position}"


def text(event: str, argument: str | None, op: str, values: tuple[typed.Value, ...]) -> decisions.Decision:
    """`evt.arg.NAME`; arguments by position are not looked into."""
    found = calls.register(event, argument or "")
    if found is None:
        return decisions.UNKNOWN
    position, register = found
    if register.role in (calls.Role.NAME, calls.Role.SECOND):
        return _name(event, register.role, op, values)
    table = constants.of(event, register.name)
    if table is None:
        return decisions.UNKNOWN
    return _constant(position, table, op, values) if table.values else _flags(position, table, op, values)


def raw(event: str, argument: str | None, op: str, values: tuple[typed.Value, ...]) -> decisions.Decision:
    """`evt.rawarg.NAME` of numbers; `in` never holds for them, which over-approximating it includes."""
    found = calls.register(event, argument or "")
    if found is None or found[1].bits > 32 or not all(isinstance(value, int) for value in values):
        return decisions.UNKNOWN
    decided = decisions.number(fact(found[0]), op, values)
    return decisions.UNKNOWN if op == "in" else decided


def _name(event: str, role: calls.Role, op: str, values: tuple[typed.Value, ...]) -> decisions.Decision:
    if role is calls.Role.NAME:
        subject = atoms.Subject.TARGET if event in calls.TARGETS else atoms.Subject.FIRST
    else:
        subject = atoms.Subject.SECOND
    return texts.compare(subject, op, values)


def _constant(position: int, table: constants.Table, op: str, values: tuple[typed.Value, ...]) -> decisions.Decision:
    known = atoms.ranges([(number, number) for number in table.values])
    among = [
        decisions.Choice(name, expression.leaf(atoms.Number(fact(position), ((number, number),))))
        for number, name in table.values.items()
    ]
    # Anything else is shown as its number.
    rest = expression.leaf(atoms.Number(fact(position), atoms.complement(known)))
    return decisions.chosen(op, values, (*among, decisions.Choice(decisions.ANYTHING, rest)))


def _flags(position: int, table: constants.Table, op: str, values: tuple[typed.Value, ...]) -> decisions.Decision:
    """Names joined by `|`, so a literal without one lies within a name; without any name it is a number."""
    if op not in ("contains", "icontains") or len(values) != 1 or not isinstance(values[0], bytes):
        return decisions.UNKNOWN
    literal = values[0].upper() if op == "icontains" else values[0]
    if not literal or b"|" in literal or literal.isdigit():
        return decisions.UNKNOWN
    mask = sum(bit for bit, name in table.bits.items() if literal in name)
    return decisions.exact(expression.any_bit(fact(position), mask))
