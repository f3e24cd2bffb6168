"""Frames between the sensor and its agent, whatever pieces they arrive in."""

from __future__ import annotations

from typing import Any

import pytest

from falcon_sensor.app import frames

SENT: list[tuple[str, dict[str, Any], bytes]] = [
    ("pods", {"items": [{"name": "café"}]}, b""),
    ("bundle", {"id": 1}, bytes(range(256)) * 300),
    ("ask", {"id": 2}, b""),
]
DATA = b"".join(frames.encode(*each) for each in SENT)


@pytest.mark.parametrize("size", [1, 7, 4096, len(DATA)])
def test_frames_come_out_as_they_went_in(size):
    decoder = frames.Decoder()
    found = [frame for at in range(0, len(DATA), size) for frame in decoder.feed(DATA[at : at + size])]
    assert [tuple(frame) for frame in found] == SENT


def test_half_a_frame_is_none():
    assert frames.Decoder().feed(DATA[:-1])[-1].kind == "bundle"
