"""The last good bundle on the node's disk: whole or not at all, and damage is noticed."""

from __future__ import annotations

import os

import pytest

from falcon_sensor.app import lastgood

KEPT = lastgood.Kept("sha256:" + "a" * 64, b"\x1f\x8bpacked\nbytes\n\n")


def test_what_is_written_is_read_and_nobody_else_may(tmp_path):
    directory = tmp_path / "not" / "there"
    lastgood.write(str(directory), KEPT)
    assert lastgood.read(str(directory)) == KEPT
    assert [each.name for each in directory.iterdir()] == [lastgood.NAME]
    assert (directory / lastgood.NAME).stat().st_mode & 0o077 == 0
    assert directory.stat().st_mode & 0o077 == 0


def test_a_later_one_takes_its_place(tmp_path):
    lastgood.write(str(tmp_path), KEPT)
    later = lastgood.Kept("sha256:" + "b" * 64, b"later")
    lastgood.write(str(tmp_path), later)
    assert lastgood.read(str(tmp_path)) == later


def test_none_yet(tmp_path):
    assert lastgood.read(str(tmp_path)) is None
    assert lastgood.read(str(tmp_path / "none")) is None


def test_a_write_that_fails_leaves_the_old_one(tmp_path, monkeypatch):
    lastgood.write(str(tmp_path), KEPT)

    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        lastgood.write(str(tmp_path), lastgood.Kept("sha256:x", b"x"))
    assert lastgood.read(str(tmp_path)) == KEPT
    assert len(list(tmp_path.iterdir())) == 1


def test_a_link_in_the_place_of_the_new_file_is_not_followed(tmp_path):
    victim = tmp_path / "victim"
    victim.write_text("precious")
    (tmp_path / f".{lastgood.NAME}.new").symlink_to(victim)
    with pytest.raises(OSError):
        lastgood.write(str(tmp_path), KEPT)
    assert victim.read_text() == "precious"


@pytest.mark.parametrize("content", [b"", b"\n", b"rubbish\nmore", b"[]\n", b"{}\n", b'{"digest": 5}\n', b"{" * 5000])
def test_damage_is_said(tmp_path, content):
    (tmp_path / lastgood.NAME).write_bytes(content)
    with pytest.raises(lastgood.Unusable, match="damaged"):
        lastgood.read(str(tmp_path))


def test_a_directory_in_its_place_is_said(tmp_path):
    (tmp_path / lastgood.NAME).mkdir()
    with pytest.raises(lastgood.Unusable, match="cannot read"):
        lastgood.read(str(tmp_path))
