from __future__ import annotations

import pytest

from falcon_rules import typed
from falcon_rules.compiler import literals
from falcon_rules.fields.table import Type


@pytest.mark.parametrize(
    ("text", "kind", "value"),
    [
        (b"abc", Type.CHARBUF, b"abc"),
        (b"x" * 255, Type.FSPATH, b"x" * 255),
        (b"10", Type.INT64, 10),
        (b" +010", Type.INT64, 10),
        (b"-1", Type.INT64, -1),
        (b"0", Type.UINT8, 0),
        (b"-1", Type.UINT32, 2**32 - 1),
        (b"-1", Type.UINT64, 2**64 - 1),
        (b"4294967296", Type.UINT32, 0),
        (b"9" * 30, Type.INT64, 2**63 - 1),
        (b"-" + b"9" * 30, Type.INT64, -(2**63)),
        (b"9" * 5000, Type.UINT64, 2**64 - 1),
        (b"200", Type.INT8, -56),
        (b"3", Type.DOUBLE, 3),
        (b"true", Type.BOOL, True),
        (b"false", Type.BOOL, False),
        (b"443", Type.PORT, 443),
        (b"https", Type.PORT, 443),
        (b"", Type.PORT, 0),
        (b"10.0.0.1", Type.IPADDR, bytes([10, 0, 0, 1])),
        (b"::1", Type.IPADDR, bytes(15) + b"\x01"),
        (b"10.1.2.3/8", Type.IPNET, typed.Network(bytes([10, 0, 0, 0]), 8)),
        (b"0.0.0.0/0", Type.IPNET, typed.Network(bytes(4), 0)),
        (b"fe80::1/10", Type.IPNET, typed.Network(b"\xfe\x80" + bytes(14), 10)),
        (b"a\0b", Type.BYTEBUF, b"a\0b"),
    ],
)
def test_text_becomes_a_value_of_the_type(text, kind, value):
    converted = literals.convert(text, kind)
    assert (converted, type(converted)) == (value, type(value))


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        (b"x" * 256, Type.CHARBUF),
        (b"a\0b", Type.CHARBUF),
        (b"", Type.INT64),
        (b"0x10", Type.INT64),
        (b"1 ", Type.INT64),
        (b"1.5", Type.DOUBLE),
        (b"1e3", Type.UINT64),
        ("٣".encode(), Type.INT64),
        (b"True", Type.BOOL),
        (b"1", Type.BOOL),
        (b"", Type.BOOL),
        (b"nosuchservice", Type.PORT),
        (b"-1", Type.PORT),
        (b"localhost", Type.IPADDR),
        (b"10.0.0.0/8", Type.IPADDR),
        (b"300.1.1.1", Type.IPADDR),
        (b"10.0.0.1", Type.IPNET),
        (b"10.0.0.0/33", Type.IPNET),
        (b"10.0.0.0/", Type.IPNET),
        (b"10.0.0.0/-1", Type.IPNET),
        (b"::/129", Type.IPNET),
        (b"x" * 256, Type.BYTEBUF),
    ],
)
def test_what_is_no_value_is_refused(text, kind):
    with pytest.raises(literals.BadLiteral):
        literals.convert(text, kind)


def test_byte_searches_take_hexadecimal_digits():
    assert literals.convert(b"0aFf", Type.BYTEBUF, "bcontains") == b"\x0a\xff"
    with pytest.raises(literals.BadLiteral):
        literals.convert(b"0aF", Type.BYTEBUF, "bstartswith")
    with pytest.raises(literals.BadLiteral):
        literals.convert(b"0g", Type.BYTEBUF, "bcontains")
