"""Execs that failed show when the plan asks for them."""

from __future__ import annotations

from pathlib import Path

import pytest

pytestmark = pytest.mark.kernel


@pytest.fixture(scope="module")
def failed_execs() -> bool:
    return True


@pytest.mark.parametrize(("action", "event"), [("exec_failing", "execve"), ("execveat_failing", "execveat")])
def test_failed_execs(act, actor: Path, tmp_path: Path, action: str, event: str):
    acted = act(action, 23, tmp_path / "absent")
    records = acted.of("execve", "execveat")
    assert [record.event for record in records] == [event] * 23
    assert [record.head.result for record in records] == acted.results == [-2] * 23
    for record in records:
        assert record.blob("filename") == bytes(tmp_path / "absent")
        assert record.strings("args") == [b"acted", b"one", b"two words"]
        assert record.blob("exe") == bytes(actor)
        assert record.comm == b"falcon-actor"


def test_successful_execs_show_once(act):
    acted = act("exec", 23, "/bin/true")
    assert [record.head.pid for record in acted.of("execve")] == acted.results
