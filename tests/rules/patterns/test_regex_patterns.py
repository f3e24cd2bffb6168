"""Regular expressions: RE2 in POSIX mode on the whole value."""

from __future__ import annotations

import pytest

from falcon_rules.patterns import regex


@pytest.mark.parametrize(
    ("pattern", "value", "expected"),
    [
        (b"c.t", b"cat", True),
        (b"c.t", b"cats", False),
        (b"^cat$", b"cat", True),
        (b"a|ab", b"ab", True),
        (b"a.b", b"a\nb", False),
        (b"a\\nb", b"a\nb", True),
        (b"\\x61", b"a", True),
        (b"a\\.b", b"a.b", True),
        (b"a+?", b"aa", True),
        (b"a**", b"aa", True),
        (b"a{2,3}?", b"aa", True),
        (b"[[:digit:]]+", b"42", True),
        (b"x*", b"", True),
        ("é.".encode(), "éé".encode(), True),
        # One replacement character per broken piece.
        (b"a.b", b"a\xffb", True),
        (b"a.b", b"a\xe2\x82b", True),
        (b"a.b", b"a\xff\xffb", False),
    ],
)
def test_patterns_match_whole_values(pattern, value, expected):
    assert regex.compile_regex(pattern)(value) is expected


@pytest.mark.parametrize(
    "pattern",
    [b"a(b", b"*a", b"\\d+", b"\\w", b"\\bx", b"\\Aa", b"\\Qa\\E", b"\\pL", b"(?i)a", b"(?:a)", b"(a)\\1", b"a{2000}"],
)
def test_what_is_no_posix_pattern_is_refused(pattern):
    with pytest.raises(regex.BadPattern):
        regex.compile_regex(pattern)


def test_the_message_says_what_is_wrong():
    with pytest.raises(regex.BadPattern, match=r"\\d"):
        regex.compile_regex(b"a\\d")


def test_matching_time_does_not_explode():
    assert not regex.compile_regex(b"(a|a)*(a|a)*(a|a)*b")(b"a" * 20000)
