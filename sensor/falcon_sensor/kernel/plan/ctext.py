"""Atoms and expressions as C.

Two pointers are at hand in `cfilter`'s functions: `f`, the facts, and `s`, the filter's scratch
memory, with the bits of the name at hand (`hit`, `may`), of the name as given (`raw_hit`,
`raw_may`), of comms (`comm`, `parent`, `any`), and the facts that cost a read.
"""

from __future__ import annotations

from falcon_sensor.kernel.plan import atoms, expression, stages, tables
from falcon_sensor.records import calls

FACTS: dict[str, tuple[str, int, int]] = {
    "result": ("f->result", -(1 << 63), (1 << 63) - 1),
    "fd": ("f->fd", -(1 << 31), (1 << 31) - 1),
    "last_slash": ("s->last_slash", -1, (1 << 63) - 1),
    "open_flags": ("f->open_flags", 0, (1 << 32) - 1),
    "mode": ("f->mode", 0, (1 << 32) - 1),
    "flags": ("f->flags", 0, (1 << 32) - 1),
    "family": ("f->family", 0, (1 << 16) - 1),
    "sock_type": ("f->sock_type", 0, (1 << 16) - 1),
    "protocol": ("f->protocol", 0, (1 << 16) - 1),
    "source_port": ("f->source_port", 0, (1 << 16) - 1),
    "dest_port": ("f->dest_port", 0, (1 << 16) - 1),
    "ancestors": ("s->ancestors", 0, 8),
    "container": ("s->container", 0, 1),
    "has_tty": ("s->has_tty", 0, 1),
    "uid": ("s->uid", 0, (1 << 32) - 1),
    "gid": ("s->gid", 0, (1 << 32) - 1),
    "pid": ("s->pid", 0, (1 << 32) - 1),
    "vpid": ("s->vpid", 0, (1 << 32) - 1),
    **{
        f"argument_{position}": (f"f->arguments[{position}]", -(1 << 63), (1 << 63) - 1)
        for position in range(calls.ARGUMENTS)
    },
    "caps_effective": ("s->caps_effective", 0, (1 << 64) - 1),
}
"""A fact's C expression, its least and its greatest value."""

_MAYBE = {"result": "!f->result_known", "last_slash": "!s->sure"}
"""When the fact is not known, so that any test of it may hold."""

READS = ("container", "has_tty", "uid", "gid", "pid", "vpid", "caps_effective")
"""Facts that are read by `falcon_NAME(f)` into the scratch memory's member of that name."""


class Printer:
    """Prints expressions; `paths` and `comms` say which bit answers which text test."""

    def __init__(self, paths: tables.Table | None, comms: tables.Table | None) -> None:
        self._paths = paths
        self._comms = comms

    def condition(self, part: expression.Expression) -> str:
        """C that is true when `part` is; parenthesised where it is not one operand."""
        if isinstance(part, expression.Leaf):
            return self.leaf(part)
        if not part.children:
            return "1" if part == expression.TRUE else "0"
        operator = " && " if isinstance(part, expression.All) else " || "
        return "(" + operator.join(map(self.condition, self.ordered(part.children))) + ")"

    def all_of(self, parts: frozenset[expression.Expression]) -> str:
        """The conjunction as the inside of an `if (...)`."""
        texts = [self.condition(part) for part in self.ordered(parts)]
        if len(texts) == 1 and _is_enclosed(texts[0]):
            return texts[0][1:-1]
        return " && ".join(texts) or "1"

    def ordered(self, parts: frozenset[expression.Expression]) -> list[expression.Expression]:
        """Cheapest first; the order among equals is the same in every process, so that equal rules give equal C."""
        return sorted(parts, key=lambda part: (_cost(part), expression.size(part), expression.sort_key(part)))

    def leaf(self, leaf: expression.Leaf) -> str:
        atom = leaf.atom
        if isinstance(atom, atoms.Number):
            return _number(atom)
        if isinstance(atom, atoms.Bits):
            text = _bits(atom)
        elif isinstance(atom, atoms.Text):
            return self._text(atom, leaf.positive)
        else:
            text = _address(atom)
        return text if leaf.positive else f"!{text}"

    def _text(self, atom: atoms.Text, positive: bool) -> str:
        table = self._paths if tables.is_path(atom) else self._comms
        assert table is not None
        bit = table.bits[atom]
        hit, may = _variables(atom.subject)
        word, mask = bit >> 6, f"{1 << (bit & 63):#x}ULL"
        if not positive:
            return f"!(s->{hit}[{word}] & {mask})"
        found = f"s->{may or hit}[{word}] & {mask}"
        return f"({found} || s->many)" if atom.subject is atoms.Subject.ANY_ANCESTOR else f"({found})"


def _is_enclosed(text: str) -> bool:
    """Whether one pair of parentheses encloses all of it."""
    depth = 0
    for at, character in enumerate(text):
        depth += (character == "(") - (character == ")")
        if not depth:
            return character == ")" and at == len(text) - 1
    return False


_FIRST_NAMES = (atoms.Subject.RAW, atoms.Subject.FIRST, atoms.Subject.TARGET)
"""Those whose bits stand beside the ones of the name at hand."""


def _variables(subject: atoms.Subject) -> tuple[str, str | None]:
    """Names of the bits that surely hold, and of those that may where these differ."""
    if subject in _FIRST_NAMES:
        return "raw_hit", "raw_may"
    if subject in atoms.PATHS:
        return "hit", "may"
    return _comm_variable(subject), None


def _comm_variable(subject: atoms.Subject) -> str:
    if subject is atoms.Subject.COMM:
        return "comm"
    return "any" if subject is atoms.Subject.ANY_ANCESTOR else f"parent[{subject - atoms.Subject.PARENT}]"


def _cost(part: expression.Expression) -> stages.Cost:
    return max((stages.cost(leaf.atom) for leaf in expression.leaves(part)), default=stages.Cost.FACT)


def _number(atom: atoms.Number) -> str:
    name, least, greatest = FACTS[atom.fact]
    tests = []
    for low, high in atoms.intersection(atom.ranges, ((least, greatest),)):
        if low == high:
            tests.append(f"{name} == {_constant(low)}")
            continue
        sides = [f"{name} >= {_constant(low)}"] if low > least else []
        sides += [f"{name} <= {_constant(high)}"] if high < greatest else []
        tests.append(" && ".join(sides) if len(sides) == 1 else f"({' && '.join(sides)})" if sides else "1")
    if atom.fact in _MAYBE:
        tests.insert(0, _MAYBE[atom.fact])
    if len(tests) == 1:
        return f"({tests[0]})"
    return f"({' || '.join(tests)})" if tests else "0"


def _constant(value: int) -> str:
    if -(1 << 31) <= value < 1 << 31:
        return str(value)
    if value == -(1 << 63):
        return "(-0x7fffffffffffffffLL - 1)"
    return f"{value:#x}{'ULL' if value > 0 else 'LL'}"


def _bits(atom: atoms.Bits) -> str:
    name = FACTS[atom.fact][0]
    suffix = "ULL" if atom.mask >> 32 else ""
    tests = [f"({name} & {atom.mask:#x}{suffix}) == {value:#x}{suffix}" for value in sorted(atom.values)]
    return f"({' || '.join(tests)})"


def _address(atom: atoms.Address) -> str:
    tests = []
    for address, bits in sorted(atom.networks):
        words = _words(address, bits)
        if len(address) == 4:
            mask, value = words[0]
            tests.append(f"(falcon_is_ipv4(f, f->{atom.side}) && (falcon_ipv4(f, f->{atom.side}) & {mask}) == {value})")
        else:
            compared = [
                f"(falcon_word(f->{atom.side}, {index}) & {mask}) == {value}"
                for index, (mask, value) in enumerate(words)
                if mask != "0x0U"
            ]
            tests.append("(" + " && ".join([f"falcon_is_ipv6(f, f->{atom.side})", *compared]) + ")")
    return f"({' || '.join(tests)})"


def _words(address: bytes, bits: int) -> list[tuple[str, str]]:
    """(mask, value) of each 32-bit word, as a little-endian machine loads bytes in network order."""
    whole = 8 * len(address)
    mask = ((1 << whole) - (1 << whole - bits)).to_bytes(len(address), "big")
    found = []
    for at in range(0, len(address), 4):
        word_mask = int.from_bytes(mask[at : at + 4], "little")
        value = int.from_bytes(address[at : at + 4], "little") & word_mask
        found.append((f"{word_mask:#x}U", f"{value:#x}U"))
    return found
