"""`falcon-hub test-sink` and `falcon-hub dead-letters`, as they are called."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.hub.sinks import support

from falcon_hub.store import store


async def _hub(directory: Path, sinks: list[dict[str, Any]], *arguments: str) -> tuple[int, str, str]:
    """Exit code, output, errors."""
    config = directory / "hub.yaml"
    config.write_text(yaml.safe_dump({"data_dir": str(directory), "sinks": sinks}))
    command, *rest = arguments
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "falcon_hub", command, "-c", str(config), *rest,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, err = await process.communicate()
    assert process.returncode is not None
    return process.returncode, out.decode(), err.decode()


def _slack(url: str) -> list[dict[str, Any]]:
    match = {"rules": ["a rule that the test alert has not"]}
    return [{"name": "chat", "type": "slack", "webhook_url": f"{url}/services/{support.SECRET}", "match": match}]


async def test_a_test_alert_arrives_whatever_the_match(tmp_path: Path) -> None:
    async with support.receiving() as receiver:
        code, out, err = await _hub(tmp_path, _slack(receiver.url), "test-sink", "chat", "-p", "critical")
    assert (code, err) == (0, "")
    assert out.startswith("sink chat: delivered (")
    (seen,) = receiver.taken
    assert seen.json["text"] == "Critical: Falcon Test"
    assert "This is a test of falcon-hub" in seen.body


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        ((404, {}, f"no hook {support.SECRET[:12]}"), "falcon-hub: sink chat: HTTP 404: no hook ***\n"),
        ((400, {}, "invalid_blocks"), "falcon-hub: sink chat: HTTP 400: invalid_blocks\n"),
    ],
)
async def test_what_the_receiver_said_is_told_without_the_secret(
    tmp_path: Path, answer: support.Answer, told: str
) -> None:
    async with support.receiving() as receiver:
        receiver.script = [answer]
        assert await _hub(tmp_path, _slack(receiver.url), "test-sink", "chat") == (1, "", told)


@pytest.mark.parametrize(
    ("name", "sinks", "told"),
    [
        ("other", _slack("http://x"), "there is no sink 'other'; the settings have: chat"),
        ("chat", [{"name": "chat", "type": "slack"}], "sinks[0] (chat).webhook_url: must be given"),
        ("chat", [{"name": "chat", "type": "slak"}], "sinks[0].type: 'slak' is none of alertmanager, apprise,"),
        ("chat", _slack("http://x") * 2, "two sinks are called chat"),
    ],
)
async def test_bad_settings_are_one_clear_line(
    tmp_path: Path, name: str, sinks: list[dict[str, Any]], told: str
) -> None:
    code, out, err = await _hub(tmp_path, sinks, "test-sink", name)
    assert (code, out) == (1, "")
    assert told in err
    assert err.count("\n") == 1


async def test_dead_letters_listed_marked_and_forgotten(tmp_path: Path) -> None:
    async with await store.Store.open(f"sqlite:///{tmp_path / 'hub.db'}") as kept:
        await kept.add([support.alert(number) for number in range(3)])
        await kept.dead_letters.add("chat", [1, 2], "HTTP 400: no", 1)
        await kept.dead_letters.add("other", [3], "HTTP 422: no", 1)
    code, out, _ = await _hub(tmp_path, [], "dead-letters", "list", "--sink", "chat")
    assert code == 0
    assert [line.split()[2] for line in out.splitlines()] == [support.alert(0).uuid, support.alert(1).uuid]
    first = out.split()[0]
    assert await _hub(tmp_path, [], "dead-letters", "retry", first) == (
        0, "1 will be tried again by the running hub\n", "",
    )  # fmt: skip
    assert await _hub(tmp_path, [], "dead-letters", "drop", "--sink", "other") == (0, "1 forgotten\n", "")
    async with await store.Store.open(f"sqlite:///{tmp_path / 'hub.db'}") as kept:
        assert await kept.dead_letters.count() == {"chat": 2}
        assert [str(each.id) for each in await kept.dead_letters.due("chat", 10)] == [first]
