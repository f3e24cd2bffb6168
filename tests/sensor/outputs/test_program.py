"""Programs that get alerts: well-behaved ones, and ones that die, hang, or read nothing."""

from __future__ import annotations

import json
import os
import re
import time

import pytest
from tests.sensor.outputs.support import examples

from falcon_sensor.outputs import build
from falcon_sensor.settings import feeds, model, receivers

QUICK = receivers.Retry(initial_seconds=0.01, max_seconds=0.05)


@pytest.fixture
def program(tmp_path):
    """Makes an output; `{out}` in the command is a file."""
    made = []

    def make(command, *, capacity=10_000, **options):
        def filled(text):
            return text.replace("{out}", str(tmp_path / "out"))

        filled_command = filled(command) if isinstance(command, str) else tuple(map(filled, command))
        settings = model.Settings(
            stdout_output=model.StdoutOutput(enabled=False),
            json_output=True,
            outputs_queue=model.OutputsQueue(capacity=capacity),
            program_output=feeds.ProgramOutput(enabled=True, program=filled_command, **{"retry": QUICK, **options}),
        )
        made.append(build.outputs(settings).outputs)
        return made[-1]

    yield make
    for each in made:
        each.close(0)


@pytest.fixture
def out(tmp_path):
    """Numbers of the alerts in the file, as far as its lines are whole."""

    def read():
        path = tmp_path / "out"
        lines = path.read_text().splitlines(keepends=True) if path.exists() else []
        return [examples.number(json.loads(line)) for line in lines if line.endswith("\n")]

    return read


def measures(outputs):
    (found,) = outputs.measures().values()
    return found


def until(condition, what):
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline, f"within 30 s: {what}"
        time.sleep(0.01)


def put(outputs, count, start=0):
    for number in range(start, start + count):
        outputs.put(examples.alert(number))


def test_a_kept_program_gets_every_alert_as_a_line_and_ends_with_the_sensor(program, out):
    outputs = program(["sh", "-c", "cat >> {out}; echo end >> {out}.end"], keep_alive=True)
    put(outputs, 2000)
    outputs.close(20)
    assert out() == list(range(2000))
    assert measures(outputs) == {
        "queued": 0, "lost": 0, "delivered": 2000, "filtered": 0, "starts": 1, "retries": 0, "refused": 0
    }  # fmt: skip


def test_its_end_is_waited_for(program, tmp_path):
    outputs = program(["sh", "-c", "cat; sleep 0.2; echo end > {out}"], keep_alive=True)
    put(outputs, 1)
    outputs.close(20)
    assert (tmp_path / "out").read_text() == "end\n"


def test_without_keep_alive_each_alert_has_a_run_of_its_own(program, out):
    outputs = program("tee -a {out}")
    put(outputs, 5)
    outputs.close(20)
    assert out() == list(range(5))
    assert measures(outputs)["starts"] == 5


def test_what_it_prints_is_not_on_standard_output(program, capfd):
    program("cat").put(examples.alert(1))
    said = ""

    def printed():
        nonlocal said
        captured = capfd.readouterr()
        assert captured.out == ""
        said += captured.err
        return "000000000001" in said

    until(printed, "on standard error")


def test_no_shell_reads_the_command_unless_asked(program, tmp_path):
    outputs = program(["sh", "-c", 'printf "%s|" "$@" > {out}', "-", "$HOME; `id`", "a  b"], keep_alive=True)
    put(outputs, 1)
    outputs.close(20)
    assert (tmp_path / "out").read_text() == "$HOME; `id`|a  b|"
    outputs = program("grep -c uuid | sed s/^/counted:/ > {out}", shell=True, keep_alive=True)
    put(outputs, 3)
    outputs.close(20)
    assert (tmp_path / "out").read_text() == "counted:3\n"


def test_settings_in_the_environment_are_not_handed_on(program, tmp_path, monkeypatch):
    monkeypatch.setenv("FALCON_HTTP_OUTPUT__BEARER_TOKEN", "secret")
    monkeypatch.setenv("OTHERS", "seen")
    outputs = program("cat; env > {out}", shell=True)
    put(outputs, 1)
    outputs.close(20)
    assert "OTHERS=seen" in (tmp_path / "out").read_text()
    assert "secret" not in (tmp_path / "out").read_text()


def test_a_kept_program_that_dies_is_started_again_and_gets_what_it_had_not_read(program, out, tmp_path):
    """`read` takes a line byte by byte, so that what follows stays in the pipe."""
    script = (
        'while read -r line; do printf "%s\\n" "$line" >> {out}; [ -e {out}.die ] && rm {out}.die && kill -9 $$; done'
    )
    (tmp_path / "out.die").touch()
    outputs = program(["bash", "-c", script], keep_alive=True)
    put(outputs, 100)
    until(lambda: measures(outputs)["starts"] == 2, "another start")
    put(outputs, 100, 100)
    until(lambda: measures(outputs)["queued"] == 0, "everything read")
    outputs.close(20)
    assert out() == list(range(200))
    assert measures(outputs)["lost"] == measures(outputs)["refused"] == 0


def test_an_alert_that_a_program_fails_on_is_tried_again(program, out, tmp_path):
    outputs = program("if mkdir {out}.first 2>/dev/null; then exit 3; fi; cat >> {out}", shell=True)
    put(outputs, 2)
    outputs.close(20)
    assert out() == [0, 1]
    assert measures(outputs)["retries"] == 1


def test_an_alert_that_the_program_fails_on_each_time_is_given_up(program, out, capfd):
    fatal = examples.alert(1).uuid
    outputs = program(f"tee -a {{out}} | grep -qv {fatal}", shell=True, attempts=2)
    put(outputs, 3)
    outputs.close(20)
    assert out() == [0, 1, 1, 2]
    assert measures(outputs)["refused"] == 1
    assert "it ended with exit code 1, 2 times with the same alert, which is given up" in capfd.readouterr().err


LOOKS_BEFORE_IT_READS = """
import fcntl, os, select, struct, sys
while select.select([0], [], []):
    if not struct.unpack("i", fcntl.ioctl(0, 0x541B, b"0000"))[0]:
        sys.exit()
    if os.path.exists("{out}") and len(open("{out}").readlines()) == 3 and not os.path.exists("{out}.go"):
        sys.exit(7)
    line = b""
    while not line.endswith(b"\\n"):
        line += os.read(0, 1)
    open("{out}", "ab").write(line)
"""


def test_a_kept_program_that_dies_of_an_alert_each_time_gets_the_next_in_the_end(program, out, tmp_path):
    """It takes three, then dies whenever something waits, until it is told to go on."""
    outputs = program(["python3", "-IS", "-c", LOOKS_BEFORE_IT_READS], keep_alive=True, attempts=2)
    put(outputs, 10)
    until(lambda: measures(outputs)["refused"] >= 2, "two given up")
    (tmp_path / "out.go").touch()
    until(lambda: measures(outputs)["queued"] == 0, "the others taken")
    refused = measures(outputs)["refused"]
    assert out() == [0, 1, 2, *range(3 + refused, 10)]


def test_one_that_reads_nothing_is_killed_and_the_alert_given_up_in_the_end(program, capfd):
    outputs = program("sleep 1000", keep_alive=True, timeout_seconds=0.05, attempts=2)
    put(outputs, 3)
    until(lambda: measures(outputs)["refused"] == 3, "all given up")
    said = capfd.readouterr().err
    assert "it took nothing for 0.05 s and was killed" in said
    assert measures(outputs)["starts"] == 6


def test_one_that_hangs_delays_no_other(program, tmp_path):
    settings = model.Settings(
        stdout_output=model.StdoutOutput(enabled=False),
        file_output=model.FileOutput(enabled=True, filename=str(tmp_path / "alerts")),
        program_output=feeds.ProgramOutput(enabled=True, program="sleep 1000", keep_alive=True),
        outputs_queue=model.OutputsQueue(capacity=100),
    )
    built = build.outputs(settings)
    hanging, file = (each for kind in ("program", "file") for each in built.outputs.all() if kind in each.sink.name)
    for number in range(1000):
        built.outputs.put(examples.alert(number, output="x" * 1000))
        until(lambda: file.waiting < 50, "the file goes on")
    until(lambda: file.delivered == 1000, "all are in the file")
    assert hanging.lost > 0
    built.outputs.close(0.1)
    assert hanging.lost == 1000


def test_the_end_leaves_nothing_of_a_program_that_does_not_end(program, tmp_path):
    outputs = program("trap '' TERM; echo $$ > {out}.new; mv {out}.new {out}; sleep 1000", shell=True, keep_alive=True)
    put(outputs, 1)
    until((tmp_path / "out").exists, "it runs")
    group = int((tmp_path / "out").read_text())
    outputs.close(0.05)

    def gone():
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return True
        return False

    until(gone, "nothing of its process group is left")
    assert measures(outputs)["lost"] == 1


def test_one_that_goes_missing_is_waited_for(program, tmp_path, out, capfd):
    script = tmp_path / "program"
    script.write_text("#!/bin/sh\ncat >> {}\n".format(tmp_path / "out"))
    script.chmod(0o755)
    outputs = program(str(script))
    put(outputs, 1)
    until(lambda: out() == [0], "the first")
    script.rename(tmp_path / "away")
    put(outputs, 1, 1)
    until(lambda: measures(outputs)["retries"] > 1, "attempts")
    (tmp_path / "away").rename(script)
    until(lambda: out() == [0, 1], "the second")
    assert "cannot be started: No such file or directory; alerts wait" in capfd.readouterr().err


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("/no/such/program -x", "program_output.program: /no/such/program does not exist or cannot be run"),
        (("",), "program_output.program is empty"),
    ],
)
def test_a_program_that_cannot_run_is_an_error_at_the_start(command, said):
    settings = model.Settings(program_output=feeds.ProgramOutput(enabled=True, program=command))
    with pytest.raises(build.Unusable, match=re.escape(said)):
        build.outputs(settings)


def test_reopening_starts_a_kept_program_anew(program, tmp_path, out):
    outputs = program("cat >> {out}", shell=True, keep_alive=True)
    put(outputs, 1)
    until(lambda: out() == [0], "the first")
    outputs.reopen()
    put(outputs, 1, 1)
    until(lambda: out() == [0, 1], "the second")
    assert measures(outputs)["starts"] == 2
