"""`falcon-rules convert`: the same rules as manifests, with their comments."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
import yaml
from tests.rules.support.texts import rule

from falcon_operator.cli import check as operator_check
from falcon_rules.cli import commands, diff, reading, resources
from falcon_rules.loading import compilation
from falcon_rules.model import documents

DEFAULT = Path(__file__).parents[3] / "rules" / "default"
TEXT = """# Licence of the file.

# A macro everybody uses.
- macro: starting
  condition: evt.type = execve   # only this one

# ---- rules

# Shells are rare here.
# Really.
- rule: Shell in /srv
  desc: A shell was started.
  condition: >
    starting and proc.name in (bash, sh)
    and proc.cwd startswith /srv
  # who started it
  output: "shell %proc.name: 'by' %user.name"
  priority: warning
  tags: [a, b]   # words
  exceptions:
    - name: known
      fields: [proc.name, proc.exepath]
      comps: [=, startswith]
      values:
        - [bash, /usr/]

- rule: shell in srv!
  desc: d
  condition: starting and proc.name = zsh
  output: o
  priority: INFO
  enabled: false
"""


@pytest.fixture
def convert(tmp_path, capsys):
    def run(text: str, *options: str) -> dict[str, str]:
        source, target = tmp_path / "my_rules.yaml", tmp_path / "out"
        source.write_text(text)
        assert commands.run(["convert", str(source), "-o", str(target), "--json", *options]) == 0
        told = json.loads(capsys.readouterr().out)
        written = {path.name: path.read_text() for path in sorted(target.iterdir())}
        assert sorted(Path(name).name for name in told["files"]) == sorted(written)
        return written

    return run


def same_rules(text: str, manifests: dict[str, str]) -> None:
    """What the manifests define is what the rule file defines, rule by rule."""
    before = {each.definition.name: each for each in compilation.compile([documents.Document("f", text)]).rules}
    found: list = []
    files = [documents.Document(name, content) for name, content in manifests.items()]
    after = {each.spec.rule: each.compiled for each in resources.rules(files, found) if each.spec is not None}
    for name, content in manifests.items():
        if name.startswith("00-"):
            kept = compilation.compile([documents.Document(name, yaml.safe_load(content)["spec"]["rules"])])
            after |= {each.definition.name: each for each in kept.rules}
    assert [each.render() for each in found if each.is_error] == []
    assert after.keys() == before.keys()
    for name, old in before.items():
        new = after[name]
        assert new is not None
        assert diff.shape(new.condition) == diff.shape(old.condition)
        assert (new.output, new.definition.priority, new.active) == (old.output, old.definition.priority, old.active)
        assert new.definition.tags == old.definition.tags


def test_each_rule_gets_a_manifest_and_the_rest_a_rule_set(convert):
    written = convert(TEXT)
    assert list(written) == ["00-my-rules.yaml", "shell-in-srv-2.yaml", "shell-in-srv.yaml"]
    kinds = {name: yaml.safe_load(text)["kind"] for name, text in written.items()}
    assert list(kinds.values()) == ["FalconRuleSet", "ClusterFalconRule", "ClusterFalconRule"]
    same_rules(TEXT, written)


def test_comments_and_layout_stay(convert):
    written = convert(TEXT)
    assert written["shell-in-srv.yaml"] == (
        "# Shells are rare here.\n# Really.\n"
        "apiVersion: falcon.dev/v1alpha1\nkind: ClusterFalconRule\nmetadata:\n  name: shell-in-srv\nspec:\n"
        "  rule: Shell in /srv\n  description: A shell was started.\n"
        "  condition: >\n    starting and proc.name in (bash, sh)\n    and proc.cwd startswith /srv\n"
        "  # who started it\n"
        "  output: \"shell %proc.name: 'by' %user.name\"\n  priority: warning\n  tags: [a, b]   # words\n"
        '  exceptions:\n    - name: known\n      fields: [proc.name, proc.exepath]\n      comps: ["=", startswith]\n'
        "      values:\n        - [bash, /usr/]\n"
    )
    kept = yaml.safe_load(written["00-my-rules.yaml"])["spec"]["rules"]
    assert kept == (
        "# Licence of the file.\n\n# A macro everybody uses.\n"
        "- macro: starting\n  condition: evt.type = execve   # only this one\n\n# ---- rules\n"
    )


@pytest.mark.parametrize("path", sorted(DEFAULT.glob("*.yaml")), ids=lambda path: path.name)
def test_default_rules_come_out_the_same(convert, path):
    vocabulary = (DEFAULT / "00-vocabulary.yaml").read_text()
    text = vocabulary + ("\n" + path.read_text() if path.name != "00-vocabulary.yaml" else "")
    written = convert(text)
    same_rules(text, written)
    for comment in (line.strip() for line in text.splitlines() if line.strip().startswith("#")):
        assert any(comment in content for content in written.values())


def test_the_operator_accepts_the_manifests(convert, tmp_path):
    convert("\n".join(each.text for each in reading.read([DEFAULT])[0]))
    told = io.StringIO()
    assert operator_check.check([str(tmp_path / "out")], told) == 0
    assert " 0 refused" in told.getvalue()


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(
            TEXT + "\n- rule: Shell in /srv\n  condition: and user.uid = 0\n  override: {condition: append}\n",
            id="override",
        ),
        pytest.param(
            TEXT.replace("tags: [a, b]   # words", "warn_evttypes: false\n  tags: [a, b]"),
            id="keys of rule files alone",
        ),
        pytest.param(
            "- macro: m\n  condition: &c evt.type = open and fd.name = /x\n"
            "- {rule: Shell in /srv, desc: d, condition: *c, output: o, priority: INFO}\n",
            id="aliases and flow style",
        ),
    ],
)
def test_rules_that_no_manifest_can_say_stay_in_the_rule_set(convert, text):
    written = convert(text.replace("shell in srv!", "Zsh"))
    assert "shell-in-srv.yaml" not in written
    assert "rule: Shell in /srv" in yaml.safe_load(written["00-my-rules.yaml"])["spec"]["rules"]
    same_rules(text.replace("shell in srv!", "Zsh"), written)


def test_comment_like_lines_in_a_text_are_text(convert):
    text = (
        "- rule: A\n  desc: |\n    # not a comment\n    text\n"
        + rule("x", "evt.type = open and fd.name = /a").partition("desc: d\n")[2]
        + "# the last word\n"
    )
    written = convert(text)
    assert yaml.safe_load(written["a.yaml"])["spec"]["description"] == "# not a comment\ntext\n"
    assert "# the last word" in "".join(written.values())
    same_rules(text, written)


def test_files_that_were_changed_since_are_left_alone(convert, tmp_path, capsys):
    convert(TEXT)
    convert(TEXT)
    mine = tmp_path / "out" / "shell-in-srv.yaml"
    mine.write_text(mine.read_text() + "# mine\n")
    command = ["convert", str(tmp_path / "my_rules.yaml"), "-o", str(tmp_path / "out")]
    assert commands.run(command) == 1
    assert "--force" in capsys.readouterr().err
    assert mine.read_text().endswith("# mine\n")
    assert commands.run([*command, "--force"]) == 0
    assert not mine.read_text().endswith("# mine\n")


def test_a_file_with_errors_is_not_converted(tmp_path, capsys):
    source = tmp_path / "a.yaml"
    source.write_text(rule("A", "evt.tipe = open"))
    assert commands.run(["convert", str(source), "-o", str(tmp_path / "out")]) == 1
    assert "unknown field evt.tipe" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
