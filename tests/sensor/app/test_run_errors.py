"""Whatever is wrong with rules or settings: one clear error that says where, exit code 1, no traceback."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

SENSOR = (sys.executable, "-m", "falcon_sensor")
RULE = """
- rule: Watched file
  desc: d
  condition: {condition}
  output: "opened %fd.name"
  priority: NOTICE
"""


def run(*arguments: str, environment: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*SENSOR, *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        env=environment,
        check=False,
    )


def refused(*arguments: str) -> str:
    """What a run that must not start says on standard error."""
    done = run("run", *arguments, "--duration", "0.1")
    assert done.returncode == 1, done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""
    assert done.stderr.strip()
    return done.stderr


@pytest.fixture
def rules(tmp_path):
    def write(text: str, name: str = "rules.yaml") -> str:
        (tmp_path / name).write_text(text)
        return str(tmp_path / name)

    return write


@pytest.mark.parametrize(
    ("condition", "said"),
    [
        ("proc.nam = cat", ["rules.yaml:4:", "proc.nam", "proc.name"]),
        ("evt.type = open and my_macro", ["rules.yaml:4:", "my_macro"]),
        ("evt.type = open and proc.pid = many", ["rules.yaml:4:", "many"]),
        ("evt.type = open and proc.pid startswith 1", ["rules.yaml:4:", "startswith"]),
        ("evt.type = open and fd.name regex 'a['", ["rules.yaml:4:", "a["]),
        ("evt.type = open and (fd.name = /etc/shadow", ["rules.yaml:4:"]),
        ("evt.type = opne", ["rules.yaml:4:", "opne"]),
    ],
)
def test_a_broken_condition(rules, condition, said):
    error = refused("-r", rules(RULE.format(condition=condition)))
    for part in said:
        assert part in error
    assert error.count("error") == 1


def test_broken_yaml(rules):
    assert "rules.yaml:" in refused("-r", rules("- rule: [\n"))


def test_a_rule_defined_twice_in_one_file(rules):
    text = RULE.format(condition="evt.type = open")
    error = refused("-r", rules(text + text))
    assert "Watched file" in error
    assert "rules.yaml:" in error


def test_a_cycle_of_macros(rules):
    macros = "- macro: a\n  condition: b\n- macro: b\n  condition: a\n"
    error = refused("-r", rules(macros + RULE.format(condition="evt.type = open and a")))
    assert "loop" in error or "itself" in error or "cycle" in error


def test_a_condition_of_a_megabyte_that_is_broken(rules):
    words = " or ".join(f"fd.name = /tmp/{number:08}" for number in range(40_000))
    error = refused("-r", rules(RULE.format(condition=f"evt.type = open and ({words} or fd.nam = x)")))
    assert "fd.nam" in error
    assert len(error) < 2000


def test_a_missing_file(tmp_path):
    error = refused("-r", str(tmp_path / "missing.yaml"))
    assert "missing.yaml" in error
    assert "No such file" in error


def test_an_empty_directory(tmp_path):
    assert str(tmp_path) in refused("-r", str(tmp_path))


def test_no_rules_at_all():
    assert "-r" in refused()


def test_a_misspelt_setting_in_a_file(rules):
    good = rules(RULE.format(condition="evt.type = open"))
    settings = rules("prioriti: debug\n", "settings.yaml")
    error = refused("-r", good, "-c", settings)
    assert error.startswith(f"{settings}:1: prioriti is no option; did you mean priority?")


def test_a_misspelt_setting_on_the_command_line(rules):
    error = refused("-r", rules(RULE.format(condition="evt.type = open")), "-o", "json_outptu=true")
    assert error.startswith("-o json_outptu=true: json_outptu is no option; did you mean json_output?")


def test_a_file_output_that_cannot_be_opened(rules, tmp_path):
    good = rules(RULE.format(condition="evt.type = open"))
    target = tmp_path / "missing" / "alerts.txt"
    error = refused("-r", good, "-o", "file_output.enabled=true", "-o", f"file_output.filename={target}")
    assert str(target) in error
    assert "No such file" in error


@pytest.mark.parametrize("arguments", [["run", "--duration", "-1"], ["run", "--duration", "soon"], ["walk"], []])
def test_wrong_use_says_how_and_is_exit_code_2(arguments):
    done = run(*arguments)
    assert done.returncode == 2
    assert "usage: falcon-sensor" in done.stderr
    assert "Traceback" not in done.stderr


def test_settings_can_be_printed():
    done = run("settings")
    assert done.returncode == 0
    assert "\njson_output: false\n" in done.stdout


@pytest.mark.kernel
def test_without_the_capabilities_one_line_says_what_to_do(rules):
    good = rules(RULE.format(condition="evt.type = open and fd.name = /etc/hostname"))
    done = subprocess.run(
        # Root without what loading needs, so that it can still read this checkout.
        ["setpriv", "--bounding-set=-sys_admin,-bpf,-perfmon", "--inh-caps=-all", *SENSOR, "run", "-r", good],
        capture_output=True,
        text=True,
        timeout=60,
        # Without what the tests themselves are told: the sensor warns of variables that look like its own.
        env={name: value for name, value in os.environ.items() if not name.startswith("FALCON_")},
        check=False,
    )
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert "needs CAP_BPF and CAP_PERFMON" in line
    assert "run it as root" in line


def test_a_field_that_this_sensor_cannot_fill(rules):
    error = refused("-r", rules(RULE.format(condition="evt.type = connect and proc.vmsize > 1")))
    assert "rules.yaml:4:" in error
    assert "proc.vmsize" in error


def test_rules_for_events_that_are_not_watched_alone_are_nothing_to_start_for(rules):
    error = refused("-r", rules(RULE.format(condition="evt.type = splice")))
    assert "this sensor does not watch splice" in error
