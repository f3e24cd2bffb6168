"""What happens on the real kernel is recorded, and rules written later are tried on it."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import uuid
from pathlib import Path

import pytest

pytestmark = pytest.mark.kernel

RULES = """
- rule: Marked program
  desc: d
  condition: evt.type in (execve, execveat) and evt.rawres = 0 and proc.name = {name}
  output: "%proc.cmdline parent=%proc.pname user=%user.name exe=%proc.exepath cwd=%proc.cwd"
  priority: NOTICE
- rule: Marked file
  desc: d
  condition: evt.type in (open, openat, openat2) and fd.name = {file} and proc.pname exists
  output: "%fd.name by %proc.cmdline of %user.name"
  priority: NOTICE
"""


def sensor(*arguments: str, **options) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "falcon_sensor", *arguments]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options)


def printed(*arguments: str) -> str:
    with sensor(*arguments) as process:
        out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    return out


@pytest.fixture(params=["everything", "by rules"])
def recording(request, tmp_path: Path):
    """(recording, rules, name of the program): 7 starts of it and 5 reads of a file, recorded."""
    name = f"r{uuid.uuid4().hex[:10]}"
    program, target, rules = tmp_path / name, tmp_path / "secret", tmp_path / "rules.yaml"
    shutil.copy("/bin/cat", program)
    target.write_text("x")
    rules.write_text(RULES.format(name=name, file=target))
    path = str(tmp_path / "recording")
    chosen = ("-r", str(rules)) if request.param == "by rules" else ()
    with sensor("record", "-o", path, *chosen) as process:
        assert process.stderr is not None
        first = process.stderr.readline()
        assert "recording to" in first, first + process.stderr.read()
        for _ in range(2):
            subprocess.run([program, "/dev/null"], check=True, cwd=tmp_path)
        for _ in range(5):
            subprocess.run([program, target], check=True, cwd=tmp_path, stdout=subprocess.DEVNULL)
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=60)
    assert process.returncode == 0
    # What was, is gone: the replay must not need it.
    program.unlink()
    target.unlink()
    return path, str(rules), name


def test_activity_is_recorded_and_replayed_the_same_every_time(recording):
    path, rules, name = recording
    first = printed("replay", path, "-r", rules, "--json")
    assert printed("replay", path, "-r", rules, "--json") == first
    alerts = [json.loads(line) for line in first.splitlines()]
    assert [each["rule"] for each in alerts].count("Marked program") == 7
    assert [each["rule"] for each in alerts].count("Marked file") == 5
    started = next(each["output_fields"] for each in alerts if each["rule"] == "Marked program")
    assert started["proc.cmdline"] == f"{name} /dev/null"
    assert started["user.name"] == "root"
    assert started["proc.exepath"].endswith(f"/{name}")


def test_a_replay_needs_neither_root_nor_kernel(recording):
    path, rules, _ = recording
    Path(path).chmod(0o644)
    for folder in (Path(path).parent, *Path(path).parent.parents[:3]):
        folder.chmod(folder.stat().st_mode | 0o055)
    code = (
        "import os, sys; sys.argv = sys.argv[1:]; "
        "from falcon_sensor.cli import main; from falcon_sensor.app import replay; "
        "os.setgroups([]); os.setgid(65534); os.setuid(65534); sys.exit(main.main(sys.argv))"
    )
    command = [sys.executable, "-c", code, "replay", path, "-r", rules]
    found = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert (found.returncode, found.stdout.count("\n")) == (0, 12), found.stderr


def test_a_recording_that_cannot_be_written_is_told_at_once(tmp_path):
    missing = tmp_path / "missing" / "recording"
    with sensor("record", "-o", str(missing)) as process:
        _, err = process.communicate(timeout=60)
    assert process.returncode == 1
    assert err == f"falcon-sensor: cannot write {missing}: No such file or directory\n"


def test_recording_needs_root_and_says_so(tmp_path):
    code = (
        "import os, sys; from falcon_sensor.app import record; from falcon_sensor.cli import main; "
        "os.setgroups([]); os.setgid(65534); os.setuid(65534); "
        "sys.exit(main.main(['record', '-o', sys.argv[1]]))"
    )
    path = tmp_path / "recording"
    found = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, timeout=60)
    assert found.returncode == 1
    assert "run it as root" in found.stderr
    assert not path.exists()
