"""docs/hub-sinks.md has the options as they are; when this fails, replace what follows its mark by the output of
`python -m falcon_hub.sinks.document`."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from tests.hub.sinks import support

from falcon_hub.cli import main
from falcon_hub.settings import model
from falcon_hub.sinks import document, registry

PAGE = Path(__file__).parents[3] / "docs" / "hub-sinks.md"


def test_the_page_has_all_options_as_they_are() -> None:
    _, _, generated = PAGE.read_text().partition("`python -m falcon_hub.sinks.document`. -->\n\n")
    assert generated.strip() == document.tables().strip()


def test_the_pages_example_is_one(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SLACK_PAYMENTS", "https://hooks.example/x")
    (tmp_path / "key").write_text("secret")
    text = PAGE.read_text().split("```yaml\n")[1].split("```")[0]
    settings = yaml.safe_load(text.replace("/run/secrets/pagerduty", str(tmp_path / "key")).replace(
        "/run/secrets/opensearch", str(tmp_path / "key")))  # fmt: skip
    sinks = [model.Sink.model_validate(each) for each in settings["sinks"]]
    found = registry.read(sinks, settings["routing"])
    assert [each.type for each in found] == ["pagerduty", "slack", "opensearch"]
    assert all(each.custom_fields == {"cluster": "paris-1"} for each in found)


@pytest.mark.parametrize("kind", registry.TYPES)
def test_every_type_can_be_asked_for(kind: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main.main(["sinks", kind]) == 0
    assert f"type: {kind}\n" in capsys.readouterr().out


def test_all_types_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main.main(["sinks"]) == 0
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == list(registry.TYPES)


def test_a_type_that_is_none(capsys: pytest.CaptureFixture[str]) -> None:
    assert main.main(["sinks", "slak"]) == 1
    assert "slak is none of alertmanager," in capsys.readouterr().err


def test_every_option_says_what_it_is() -> None:
    for kind in registry.TYPES:
        assert all(text for _, _, text in document.rows(registry.options_of(kind)))


def test_every_kind_that_speaks_http_is_tried() -> None:
    others = {"apprise", "email", "kafka", "syslog"}
    assert {each.type for each in support.KINDS} == set(registry.TYPES) - others
