"""Names made absolute as text."""

from __future__ import annotations

import posixpath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from falcon_sensor.engine import paths


@pytest.mark.parametrize(
    ("name", "base", "expected"),
    [
        (b"/etc/passwd", None, b"/etc/passwd"),
        (b"/etc//./x/../passwd", None, b"/etc/passwd"),
        (b"/../../etc", None, b"/etc"),
        (b"/", None, b"/"),
        (b"/etc/", None, b"/etc"),
        (b"x", b"/srv/", b"/srv/x"),
        (b"../x", b"/srv", b"/x"),
        (b".hidden", b"/srv", b"/srv/.hidden"),
        (b"/a/..b", None, b"/a/..b"),
        (b"x", None, None),
        (b"x", b"", None),
        (b"x", b"relative", None),
    ],
)
def test_absolute(name, base, expected):
    assert paths.absolute(name, base) == expected


@given(st.text("/.ab", min_size=1).map(lambda text: "/" + text))
def test_normalising_agrees_with_the_standard_library(path):
    # Only the root written as two slashes is kept apart there (POSIX allows it a meaning; Linux gives it none).
    expected = posixpath.normpath(path).replace("//", "/")
    assert paths.normalise(path.encode()) == expected.encode()


def test_parts():
    assert (paths.directory(b"/a/b"), paths.directory(b"/a"), paths.filename(b"/a/b")) == (b"/a", b"/", b"b")
    assert paths.squeeze(b"a///b//../c") == b"a/b/../c"
