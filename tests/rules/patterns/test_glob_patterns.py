"""Globs mean what fnmatch(3) means; the C library itself is asked where there is doubt."""

from __future__ import annotations

import ctypes
import locale

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from falcon_rules.patterns import glob

FNM_CASEFOLD = 16
PIECES = [
    *[b"a", b"b", b"B", b"z", b"-", b"]", b"!", b"^", b"*", b"?", b"\\", b"/", b".", b"\xc3"],
    *[b"[a-c]", b"[[:alpha:]]", b"[[:upper:]z]", b"[^a]", b"[!B-]", b"[]a]", b"[\\]]", b"[z-a]", b"[[:nosuch:]]", b"["],
]
CHARACTERS = [b"a", b"b", b"B", b"A", b"z", b"Z", b"-", b"]", b"[", b"!", b"^", b"*", b"\\", b"/", b".", b"\xc3"]


@pytest.fixture(scope="module")
def fnmatch():
    """fnmatch(3) in the C locale."""
    before = locale.setlocale(locale.LC_ALL)
    locale.setlocale(locale.LC_ALL, "C")
    library = ctypes.CDLL(None)
    yield lambda pattern, value, flags: library.fnmatch(pattern, value, flags) == 0
    locale.setlocale(locale.LC_ALL, before)


@settings(max_examples=500, deadline=None)
@given(
    st.lists(st.sampled_from(PIECES), max_size=5).map(b"".join),
    st.lists(st.sampled_from(CHARACTERS), max_size=4).map(b"".join),
    st.booleans(),
)
def test_globs_match_like_the_c_library(fnmatch, pattern, value, ignore_case):
    expected = fnmatch(pattern, value, FNM_CASEFOLD if ignore_case else 0)
    assert glob.compile_glob(pattern, ignore_case)(value) is expected


@pytest.mark.parametrize(
    ("pattern", "value", "expected"),
    [
        (b"/etc/*", b"/etc/a/b", True),
        (b"*", b".hidden", True),
        (b"*", b"", True),
        (b"?", "é".encode(), False),
        (b"??", "é".encode(), True),
        (b"a*a", b"a", False),
        (b"a*a", b"aa", True),
        (b"*b*", b"abc", True),
        (b"a\\*b", b"a*b", True),
        (b"a\\*b", b"axb", False),
        (b"a\\", b"a\\", False),
        (b"[[:digit:]]*", b"9lives", True),
        (b"a?c", b"a\nc", True),
        (b"x*y", b"x\n\xffy", True),
    ],
)
def test_globs(pattern, value, expected):
    assert glob.compile_glob(pattern)(value) is expected


def test_many_stars_are_no_trap():
    # A matcher that backtracks would need longer than anybody waits.
    assert not glob.compile_glob(b"*a" * 60 + b"b")(b"a" * 3000)


def test_only_ascii_letters_lose_their_case():
    assert glob.compile_glob(b"[A-C]x", ignore_case=True)(b"bX")
    assert not glob.compile_glob("É".encode(), ignore_case=True)("é".encode())
