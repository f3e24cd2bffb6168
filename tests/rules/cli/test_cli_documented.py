"""The examples of docs/testing-rules.md are tested rules themselves."""

from __future__ import annotations

import re
from pathlib import Path

from falcon_rules.cli import commands

TEXT = (Path(__file__).parents[3] / "docs" / "testing-rules.md").read_text()


def test_the_documented_examples_pass(tmp_path, capsys):
    examples = re.findall(r"```yaml\n# file: (\S+)\n(.*?)```", TEXT, re.DOTALL)
    for name, content in examples:
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(content)
    assert [name for name, _ in examples] == ["shells.yaml", "shells.tests.yaml", "manifests/shell.yaml"]
    assert commands.run(["check", str(tmp_path / "shells.yaml")]) == 0
    assert "0 errors, 0 warnings" in capsys.readouterr().out
    for folder in (tmp_path, tmp_path / "manifests"):
        assert commands.run(["test", str(folder)]) == 0
        assert capsys.readouterr().out == "2 tests, 0 failed\n"


def test_the_documented_failure_is_what_is_printed(tmp_path, capsys):
    for name, content in re.findall(r"```yaml\n# file: (shells\S+)\n(.*?)```", TEXT, re.DOTALL):
        (tmp_path / name).write_text(content.replace("proc.name: bash\n", "proc.name: zsh\n"))
    assert commands.run(["test", str(tmp_path)]) == 1
    told = next(line for line in TEXT.splitlines() if "FALCON_TEST_FAILED" in line)
    assert told in capsys.readouterr().out
