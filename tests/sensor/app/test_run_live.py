"""The whole sensor on the real kernel: alerts, signals, and nothing left behind."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
import uuid
from pathlib import Path

import pytest

from falcon_sensor.kernel import bpf

pytestmark = pytest.mark.kernel

RULE = """
- rule: Marked program
  desc: a copy of a program under a name that nothing else on this machine has
  condition: evt.type in (execve, execveat) and proc.name = {name}
  output: "marked program %proc.cmdline by %user.name"
  priority: NOTICE
  tags: [test, container]
"""
MARK = "LIVE_TEST_MARK"


class Running:
    """A sensor with the one rule above, up when made."""

    def __init__(self, directory: Path, *options: str, stdout: int = subprocess.PIPE, wait: bool = True):
        self.name = f"m{uuid.uuid4().hex[:10]}"
        self.program = directory / self.name
        shutil.copy("/bin/true", self.program)
        rules = directory / "rules.yaml"
        rules.write_text(RULE.format(name=self.name))
        self.mark = uuid.uuid4().hex
        self.process = subprocess.Popen(
            [sys.executable, "-m", "falcon_sensor", "run", "-r", str(rules), *options],
            stdout=stdout,
            stderr=subprocess.PIPE,
            env={**os.environ, MARK: self.mark},
            text=True,
        )
        self.said: list[str] = []
        self._ready = threading.Event()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        if wait:
            until(lambda: self._ready.is_set() or self.process.poll() is not None, "the sensor does not start", 60)
            assert self._ready.is_set(), self.said

    def _read(self):
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.said.append(line)
            if "ready in" in line:
                self._ready.set()

    def act(self, *arguments: str):
        subprocess.run([self.program, *arguments], check=True)

    def line(self) -> str:
        """The next line of standard output."""
        assert self.process.stdout is not None
        return self.process.stdout.readline()

    def end(self, number: int = signal.SIGTERM) -> str:
        """Stops it; returns the rest of standard output."""
        self.process.send_signal(number)
        return self.rest()

    def rest(self) -> str:
        """What is on standard output until it ends by itself."""
        assert self.process.stdout is not None
        text = self.process.stdout.read()
        self.process.wait(timeout=30)
        self._reader.join(10)
        return text

    @property
    def stderr(self) -> str:
        return "".join(self.said)


@pytest.fixture
def start(tmp_path):
    started: list[Running] = []

    def make(*options: str, **more):
        started.append(Running(tmp_path, *options, **more))
        return started[-1]

    yield make
    for each in started:
        each.process.kill()
        each.process.wait()


def objects_of(pid: int) -> dict[bpf.Objects, set[int]]:
    """Ids of the kernel's BPF objects that a process holds."""
    found: dict[bpf.Objects, set[int]] = {kind: set() for kind in bpf.Objects}
    names = {"prog_id": bpf.Objects.PROGRAMS, "map_id": bpf.Objects.MAPS, "link_id": bpf.Objects.LINKS}
    for entry in Path(f"/proc/{pid}/fdinfo").iterdir():
        text = entry.read_text()
        target = os.readlink(f"/proc/{pid}/fd/{entry.name}")
        for name, kind in names.items():
            if (match := re.search(rf"^{name}:\s*(\d+)$", text, re.MULTILINE)) and "bpf" in target:
                found[kind].add(int(match[1]))
    return found


def until(condition, what: str, seconds: float = 20.0):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.05)


def processes_with(mark: str) -> list[int]:
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                environment = (entry / "environ").read_bytes()
            except OSError:
                continue
            if f"{MARK}={mark}".encode() in environment:
                found.append(int(entry.name))
    return found


def test_an_alert_is_a_line_of_text_and_the_summary_follows_it(start):
    sensor = start()
    sensor.act("one", "two")
    line = sensor.line()
    assert re.fullmatch(rf"\d\d:\d\d:\d\d\.\d{{9}}: Notice marked program {sensor.name} one two by \S+\n", line), line
    assert sensor.end() == (
        "Events detected: 1\n"
        "Rule counts by severity:\n"
        "    NOTICE: 1\n"
        "Triggered rules by rule name:\n"
        "    Marked program: 1\n"
        "Syscall event drop monitoring:\n"
        "    - event drop detected: 0 occurrences\n"
        "    - num times actions taken: 0\n"
    )
    assert sensor.process.returncode == 0


def test_json_is_one_object_a_line_with_the_static_fields_and_the_summary_elsewhere(start):
    sensor = start("--json", "-o", "extra_fields={environment: production, datacenter: paris}", "-o", "hostname=node-1")
    sensor.act()
    alert = json.loads(sensor.line())
    assert alert["rule"] == "Marked program"
    assert (alert["priority"], alert["source"], alert["hostname"]) == ("Notice", "syscall", "node-1")
    assert alert["tags"] == ["container", "test"]
    fields = alert["output_fields"]
    assert fields["environment"] == "production"
    assert fields["datacenter"] == "paris"
    assert fields["proc.cmdline"] == sensor.name
    assert isinstance(fields["evt.time"], int)
    assert sensor.end() == ""
    assert "Events detected: 1\n" in sensor.stderr


def test_twenty_three_programs_are_twenty_three_alerts(start):
    sensor = start("--json")
    for number in range(23):
        sensor.act(str(number))
    lines = [json.loads(sensor.line()) for _ in range(23)]
    assert [each["output_fields"]["proc.cmdline"] for each in lines] == [f"{sensor.name} {n}" for n in range(23)]
    assert sensor.end() == ""


def test_what_happened_just_before_the_end_is_still_reported(start):
    sensor = start("--json")
    sensor.act("last")
    assert json.loads(sensor.end())["output_fields"]["proc.cmdline"] == f"{sensor.name} last"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_stopping_leaves_no_program_map_link_or_child(start, number):
    sensor = start()
    held = objects_of(sensor.process.pid)
    assert all(held.values()), "the sensor should hold programs, maps and links"
    assert processes_with(sensor.mark) == [sensor.process.pid]
    assert "Events detected: 0" in sensor.end(number)
    assert sensor.process.returncode == 0
    # The kernel frees what nobody holds a moment later.
    until(lambda: not any(held[kind] & set(bpf.ids(kind)) for kind in held), f"still in the kernel: {held}")
    assert processes_with(sensor.mark) == []


def test_several_signals_are_no_traceback(start):
    sensor = start()
    for number in (signal.SIGINT, signal.SIGINT, signal.SIGTERM):
        sensor.process.send_signal(number)
    rest = sensor.end(signal.SIGINT) if sensor.process.poll() is None else sensor.rest()
    assert "Events detected: 0" in rest
    assert "Traceback" not in sensor.stderr


def catches_hangups(pid: int) -> bool:
    """Python itself does not, so from then on the sensor's handlers are there."""
    (caught,) = re.findall(r"^SigCgt:\s*(\w+)$", Path(f"/proc/{pid}/status").read_text(), re.MULTILINE)
    return bool(int(caught, 16) & 1 << signal.SIGHUP - 1)


@pytest.mark.parametrize("delay", [0.0, 0.2, 0.5, 0.8])
def test_stopping_while_it_starts_leaves_nothing_either(start, delay):
    sensor = start(wait=False)
    until(lambda: catches_hangups(sensor.process.pid), "no handlers")
    time.sleep(delay)
    sensor.end(signal.SIGINT)
    assert "Traceback" not in sensor.stderr
    until(lambda: processes_with(sensor.mark) == [], "a child is left")


def test_it_stops_by_itself_after_its_duration(start):
    sensor = start("--duration", "0.2")
    assert "Events detected: 0" in sensor.rest()
    assert sensor.process.returncode == 0


def test_with_nobody_left_to_read_it_stops_and_says_so(start):
    reader, writer = os.pipe()
    sensor = start(stdout=writer)
    os.close(writer)
    os.close(reader)
    sensor.act()
    assert sensor.process.wait(timeout=30) == 1
    until(lambda: "no output is left" in sensor.stderr, sensor.stderr)
    assert sensor.stderr.count("broken pipe") == 1
    assert "Traceback" not in sensor.stderr


def test_a_reader_that_does_not_read_delays_neither_the_other_output_nor_the_end(start, tmp_path):
    target = tmp_path / "alerts.txt"
    options = ("-o", "file_output.enabled=true", "-o", f"file_output.filename={target}", "-o", "rate_limit.alerts=0")
    sensor = start("--json", *options)
    text = "x" * 4000
    for _ in range(40):  # more than a pipe holds
        sensor.act(text)
    until(lambda: target.exists() and target.read_text().count("\n") == 40, "the file has not got all alerts")
    sensor.process.send_signal(signal.SIGTERM)
    assert sensor.process.wait(timeout=10) == 0
    until(lambda: "alerts were lost for it" in sensor.stderr, sensor.stderr)


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGUSR1])
def test_a_hangup_opens_the_file_anew(start, tmp_path, number):
    target = tmp_path / "alerts.txt"
    sensor = start("-o", "file_output.enabled=true", "-o", f"file_output.filename={target}")
    target.rename(tmp_path / "old.txt")
    sensor.process.send_signal(number)
    until(target.exists, "no new file")
    sensor.act()
    until(lambda: "marked program" in target.read_text(), "the alert is not in the new file")
    assert (tmp_path / "old.txt").read_text() == ""


def test_a_hangup_loads_the_rules_anew_and_no_event_is_lost_or_told_twice(start, tmp_path):
    sensor = start("--json", "-o", "rate_limit.alerts=0", "-o", "ring_bytes=16777216")
    rules = tmp_path / "rules.yaml"
    finished = threading.Event()
    counts = []

    def flood():
        """Runs the marked program over and over, numbered."""
        number = 0
        while not finished.is_set():
            os.posix_spawn(sensor.program, [sensor.name, str(number)], {})
            os.wait()
            number += 1
        counts.append(number)

    seen: list[dict] = []
    reading = threading.Thread(target=lambda: seen.extend(map(json.loads, sensor.process.stdout)), daemon=True)
    reading.start()
    flooding = threading.Thread(target=flood)
    flooding.start()
    try:
        for generation in range(2):
            rules.write_text(RULE.format(name=sensor.name).replace("marked program", f"generation {generation}"))
            sensor.process.send_signal(signal.SIGHUP)
            until(lambda g=generation: sensor.stderr.count("ready in") == g + 2, sensor.said, 60)
    finally:
        finished.set()
        flooding.join()
    sensor.process.send_signal(signal.SIGTERM)
    reading.join(30)
    told = [int(each["output_fields"]["proc.cmdline"].split()[1]) for each in seen]
    assert told == list(range(counts[0]))
    texts = [text for each in seen for text in re.findall(r"marked program|generation \d", each["output"])]
    assert list(dict.fromkeys(texts)) == ["marked program", "generation 0", "generation 1"]
    assert texts == sorted(texts, key=["marked program", "generation 0", "generation 1"].index)


def test_broken_rules_on_a_hangup_leave_the_old_ones_in_force(start, tmp_path):
    sensor = start()
    (tmp_path / "rules.yaml").write_text("- rule: x\n")
    sensor.process.send_signal(signal.SIGHUP)
    until(lambda: "the rules in force stay in force" in sensor.stderr, sensor.said)
    assert "rules.yaml:1:" in sensor.stderr
    sensor.act()
    assert "marked program" in sensor.line()


def test_a_stop_signal_ends_the_loading_of_rules_too(start):
    sensor = start()
    sensor.process.send_signal(signal.SIGHUP)
    until(lambda: "loading the rules anew" in sensor.stderr, sensor.said)
    assert "Events detected: 0" in sensor.end()
    assert "Traceback" not in sensor.stderr
    until(lambda: processes_with(sensor.mark) == [], "a child is left")


def test_events_the_ring_had_no_room_for_are_an_alert_and_stand_in_the_summary(start):
    sensor = start("--json", "-o", "ring_bytes=65536", "-o", "rate_limit.alerts=0")
    sensor.process.send_signal(signal.SIGSTOP)
    for _ in range(200):  # an exec record has about a kilobyte
        sensor.act("x" * 500)
    sensor.process.send_signal(signal.SIGCONT)
    until(lambda: "event drop" in sensor.stderr, sensor.said)
    alerts = [json.loads(line) for line in sensor.end().splitlines()]
    (drop,) = [each for each in alerts if each["rule"] == "Falcon internal: syscall event drop"]
    lost = drop["output_fields"]["n_drops"]
    assert drop["source"] == "internal"
    assert sum(each["rule"] == "Marked program" for each in alerts) >= 200 - lost
    assert "event drop detected: 1 occurrences" in sensor.stderr
    assert "num times actions taken: 1" in sensor.stderr


def test_a_full_disk_is_one_message_and_the_other_output_goes_on(start):
    sensor = start("-o", "file_output.enabled=true", "-o", "file_output.filename=/dev/full")
    for _ in range(3):
        sensor.act()
        assert "marked program" in sensor.line()
    sensor.end()
    assert sensor.stderr.count("No space left on device") == 1
    assert "3 alerts were lost for it" in sensor.stderr
