"""The command line: check, crds, settings, and what it says when it cannot go on."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from falcon_operator.cli import main
from falcon_rules import crds

MANIFESTS = """\
apiVersion: falcon.dev/v1alpha1
kind: FalconRuleSet
metadata: {name: words}
spec:
  macros:
    - {macro: spawned, condition: evt.type = execve}
---
apiVersion: falcon.dev/v1alpha1
kind: FalconRule
metadata: {name: shell, namespace: team}
spec: {condition: spawned and proc.name = bash, output: "%proc.name", priority: Warning}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: other}
"""


@pytest.fixture
def manifests(tmp_path: Path):
    file = tmp_path / "rules.yaml"
    file.write_text(MANIFESTS)
    return file


def test_check_takes_manifests_together(manifests, capsys):
    assert main.main(["check", str(manifests)]) == 0
    assert "2 rules and rule sets, 0 refused" in capsys.readouterr().out


def test_check_says_what_admission_would(manifests, capsys):
    manifests.write_text(MANIFESTS.replace("proc.name = bash", "proc.nam = bash"))
    assert main.main(["check", str(manifests.parent)]) == 1
    out = capsys.readouterr().out
    assert "falconrule/team/shell: spec.condition:1:13: error" in out
    assert "did you mean 'proc.name'?" in out


@pytest.mark.parametrize(
    ("text", "said"),
    [("a: [", "is not YAML"), ("apiVersion: falcon.dev/v1alpha1\nkind: FalconRule\n", "a FalconRule without")],
)
def test_what_is_no_manifest_is_said_in_one_line(tmp_path, capsys, text, said):
    file = tmp_path / "odd.yaml"
    file.write_text(text)
    assert main.main(["check", str(file)]) == 1
    error = capsys.readouterr().err
    assert said in error
    assert str(file) in error


def test_a_file_that_is_not_there_is_said_in_one_line(tmp_path, capsys):
    assert main.main(["check", str(tmp_path / "none.yaml")]) == 1
    assert "none.yaml" in capsys.readouterr().err


def test_crds_are_written_as_files(tmp_path):
    assert main.main(["crds", "-o", str(tmp_path / "made")]) == 0
    written = [yaml.safe_load(each.read_text()) for each in sorted((tmp_path / "made").iterdir())]
    assert sorted(each["metadata"]["name"] for each in written) == sorted(
        each["metadata"]["name"] for each in crds.definitions()
    )


def test_crds_go_to_stdout_without_a_folder(capsys):
    assert main.main(["crds"]) == 0
    assert len(list(yaml.safe_load_all(capsys.readouterr().out))) == len(crds.definitions())


def test_settings_are_printed_as_they_are_read(capsys, monkeypatch):
    assert main.main(["settings"]) == 0
    lines = [line for line in capsys.readouterr().out.splitlines() if not line.startswith("#")]
    assert "FALCON_OPERATOR_SENSOR_PORT=8765" in lines


def test_a_setting_that_is_no_good_is_named(capsys, monkeypatch):
    monkeypatch.setenv("FALCON_OPERATOR_SENSOR_PORT", "many")
    assert main.main(["run"]) == 2
    assert "FALCON_OPERATOR_SENSOR_PORT='many'" in capsys.readouterr().err


def test_without_a_cluster_run_says_how_to_get_to_one(capfd):
    assert main.main(["run"]) == 1
    assert "--kubeconfig" in capfd.readouterr().err
