"""Image references taken apart."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from falcon_sensor.state import references

DIGEST = b"sha256:6b8f34c7d2a1e0f9c8b7a6d5e4f3021122334455667788990011223344556677"


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (b"nginx", (b"nginx", None, None)),
        (b"nginx:1.25", (b"nginx", b"1.25", None)),
        (b"docker.io/library/nginx:1.25-alpine", (b"docker.io/library/nginx", b"1.25-alpine", None)),
        (b"registry.local:5000/team/app", (b"registry.local:5000/team/app", None, None)),
        (b"registry.local:5000/team/app:v2", (b"registry.local:5000/team/app", b"v2", None)),
        (b"localhost:5000/app:v2@" + DIGEST, (b"localhost:5000/app", b"v2", DIGEST)),
        (b"quay.io/app@" + DIGEST, (b"quay.io/app", None, DIGEST)),
        (b"localhost/\xc3\xa9:1", (b"localhost/\xc3\xa9", b"1", None)),
        (DIGEST, (None, None, None)),
        (DIGEST.removeprefix(b"sha256:"), (None, None, None)),
        (b"", (None, None, None)),
    ],
)
def test_parts_of_a_reference(written, expected):
    assert references.parse(written) == references.Reference(*expected)


@given(st.binary(max_size=80))
def test_any_bytes_are_taken(written):
    parsed = references.parse(written)
    for part in parsed:
        assert part is None or (part and part in written)
