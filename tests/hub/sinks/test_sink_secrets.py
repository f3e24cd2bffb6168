"""Secrets of sinks: from text, file and environment, and in no text that anybody reads."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest
from tests.hub.sinks import support

from falcon_hub.settings import model, secrets
from falcon_hub.sinks import base, redaction, registry

every = pytest.mark.parametrize("kind", support.KINDS, ids=lambda kind: kind.type)


@every
@pytest.mark.parametrize("fault", ["echo", "nobody", "reset", "broken address"])
async def test_no_failure_tells_a_secret(
    kind: support.Kind, fault: str, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    async with support.receiving() as receiver:
        # Receivers like to repeat what they did not understand, address and headers included.
        receiver.otherwise = lambda seen: (400, {}, f"{seen.path} {' '.join(seen.headers.values())} {seen.body}"[:250])
        receiver.script = [support.RESET] if fault == "reset" else []
        url = {"nobody": f"http://127.0.0.1:{support.free_port()}", "broken address": "http://[broken"}
        chosen, sink = kind.make(url.get(fault, receiver.url))
        try:
            outcome = await sink.send([support.message(sink, chosen, support.alert())])
        finally:
            await sink.close()
    assert outcome.failure or outcome.refused
    out, err = capfd.readouterr()
    for text in (
        str(outcome),
        caplog.text,
        out,
        err,
        repr(chosen),
        repr(sink),
        str(chosen.model_dump()),
        chosen.model_dump_json(),
    ):
        assert support.SECRET not in text
        assert support.SECRET[:12] not in text


@every
def test_settings_at_fault_are_told_without_values(kind: support.Kind) -> None:
    given = kind.own("http://receiver.example") | {
        "no_such_option": support.SECRET,
        "timeout_seconds": support.SECRET,
    }
    sink = model.Sink.model_validate({"name": "it", "type": kind.type, **given})
    with pytest.raises(base.Unusable) as caught:
        registry.read([sink])
    assert "sinks[0] (it).no_such_option: there is no such option" in str(caught.value)
    assert "sinks[0] (it).timeout_seconds: " in str(caught.value)
    assert support.SECRET not in str(caught.value)


@every
async def test_from_a_file_and_anew_when_it_changes(kind: support.Kind, tmp_path: Path) -> None:
    """A Kubernetes Secret that is rotated counts without a restart."""
    async with support.receiving() as receiver:
        receiver.otherwise = kind.ok
        given = kind.own(receiver.url)
        name = next(name for name, value in given.items() if support.SECRET in str(value))
        text = given.pop(name)
        path = tmp_path / "secret"
        path.write_text(text + "\n")
        chosen = support.wanted(kind.type, **given, **{f"{name}_file": str(path)})
        sink = registry.make(chosen)
        try:
            await sink.send([support.message(sink, chosen, support.alert())])
            path.write_text(text.replace("T0PSECRETKEY", "ANOTHERSECRETKEY"))
            await sink.send([support.message(sink, chosen, support.alert())])
        finally:
            await sink.close()
    first, second = (_everything(seen) for seen in receiver.taken)
    assert first != second
    assert "ANOTHERSECRETKEY" in second or support.SECRET not in first  # basic authentication hides it in base64


def _everything(seen: support.Seen) -> str:
    return f"{seen.path} {seen.headers.get('Authorization')} {seen.body}"


def test_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HUB_TEST_KEY", support.SECRET)
    chosen = support.wanted("pagerduty", routing_key_env="HUB_TEST_KEY")
    assert [each.reveal() for each in chosen.secrets()] == [support.SECRET]


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"routing_key_env": "NOT_THERE_AT_ALL"}, "the environment has no NOT_THERE_AT_ALL"),
        ({"routing_key_file": "/no/such/file"}, "cannot read /no/such/file: No such file or directory"),
        (
            {"routing_key": "a-key", "routing_key_file": "/no/such/file"},
            "give only one of routing_key, routing_key_file",
        ),
        ({}, "sinks[0] (it).routing_key: must be given"),
    ],
)
def test_missing_ones_are_told(given: dict[str, str], told: str) -> None:
    with pytest.raises(base.Unusable) as caught:
        registry.read([model.Sink.model_validate({"name": "it", "type": "pagerduty", **given})])
    assert told in str(caught.value)


def test_secret_headers(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("from-a-file")
    chosen = support.wanted(
        "webhook", url="http://x/", secret_headers={"A": "as-text", "B": {"file": str(tmp_path / "key")}}
    )
    assert sorted(each.reveal() for each in chosen.secrets()) == ["as-text", "from-a-file", "http://x/"]


@pytest.mark.parametrize(
    "text",
    [
        "POST https://hooks.example/services/T0/B0/abcdefghijklmnop failed",
        "path /services/T0/B0/abcdefghijklmnop is unknown",
        "quoted https%3A//hooks.example/services/T0/B0/abcdefghijklmnop",
        "token abcdefghijklmnop revoked",
    ],
)
def test_redacted_in_whatever_form(text: str) -> None:
    redact = redaction.Redactor([secrets.Secret("https://hooks.example/services/T0/B0/abcdefghijklmnop")])
    assert "abcdefghijklmnop" not in redact(text)
