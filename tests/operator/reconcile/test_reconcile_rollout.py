"""Sensors get what they should have, whatever gets in the way."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field

import pytest
from tests.operator.support.manifests import compiled, only, rule

from falcon_operator.reconcile import packages, reports, rollout
from falcon_rules import bundle, wire

PATIENCE = 10.0
"""Seconds after which a test that waits has failed; none of them takes a noticeable part of it."""


def content(*names: str) -> packages.Content:
    """Rules of these names."""
    rules = compiled(*(rule(name) for name in names))
    entries = [only(rules, rule(name)) for name in names]
    return packages.Content(
        tuple(entry.good for entry in entries if entry.good), {entry.uid: entry.hash for entry in entries}
    )


A, B, C = content("a"), content("a", "b"), content("c")


@dataclass
class Sensors:
    """Sensors that do what real ones do: load newer bundles, refuse older ones."""

    in_force: dict[str, tuple[str, int]] = field(default_factory=dict)
    trouble: dict[str, list[reports.PushError]] = field(default_factory=dict)
    hold: dict[str, asyncio.Event] = field(default_factory=dict)
    pushed: list[tuple[str, str]] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    cancelled: list[str] = field(default_factory=list)
    rule_errors: tuple[reports.RuleError, ...] = ()
    now: int = 0
    most: int = 0

    async def push(self, node: str, bundle_bytes: bytes, digest: str) -> reports.Report:
        self.pushed.append((node, digest))
        data = wire.unpack(bundle_bytes)
        assert f"sha256:{wire.digest(data)}" == digest
        async with self._conversation(node):
            if node in self.hold:
                await self.hold[node].wait()
            revision = wire.loads(data).revision
            _, have = self.in_force.get(node, ("", 0))
            if revision <= have:
                raise reports.PushError(reports.Failure.OUTDATED_REVISION, "older", revision=have)
            self.in_force[node] = (digest, revision)
            return self._report(node)

    async def ask(self, node: str) -> reports.Report:
        self.asked.append(node)
        async with self._conversation(node):
            return self._report(node)

    def _report(self, node: str) -> reports.Report:
        digest, revision = self.in_force.get(node, ("", 0))
        return reports.Report(digest, revision, self.rule_errors)

    @contextlib.asynccontextmanager
    async def _conversation(self, node: str) -> AsyncIterator[None]:
        self.now += 1
        self.most = max(self.most, self.now)
        try:
            await asyncio.sleep(0)
            if self.trouble.get(node):
                raise self.trouble[node].pop(0)
            yield
        except asyncio.CancelledError:
            self.cancelled.append(node)
            raise
        finally:
            self.now -= 1

    def has(self, node: str) -> tuple[str, ...]:
        """Names of the rules in force, found by trying."""
        digest, revision = self.in_force.get(node, ("", 0))
        for each in (A, B, C):
            if each.digest(revision) == digest:
                return tuple(rule.name for rule in each.rules)
        return ()


@dataclass
class World:
    sensors: Sensors
    rollout: rollout.Rollout
    bounds: list[float]
    heard: list[str]

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(PATIENCE):
            while not condition():  # noqa: ASYNC110 - a turn of the loop, not a wait
                await asyncio.sleep(0)

    def is_current(self, node: str) -> bool:
        return node in self.rollout.states() and self.rollout.states()[node].is_current


@pytest.fixture
async def world() -> AsyncIterator[World]:
    async with running(rollout.Options(concurrency=4, poll=1000.0)) as found:
        yield found


@contextlib.asynccontextmanager
async def running(options: rollout.Options, wait: float = 0.0, clock: int = 1000) -> AsyncIterator[World]:
    """A rollout at work. wait: what every wait after a failure comes to."""
    sensors, bounds, heard = Sensors(), list[float](), list[str]()

    def chance(low: float, high: float) -> float:
        assert 0 <= low <= high
        if low == 0:
            bounds.append(high)
            return wait
        return high

    stamps = packages.Stamps(clock=lambda: clock)
    served = rollout.Rollout(sensors, options, heard.append, stamps, now=lambda: 5.0, chance=chance)
    task = asyncio.create_task(served.run())
    try:
        yield World(sensors, served, bounds, heard)
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def test_a_sensor_that_appears_gets_what_is_wanted(world: World) -> None:
    world.rollout.want({"n1": A, "n2": B})
    world.rollout.appeared("n1")
    world.rollout.appeared("n2")
    await world.until(lambda: world.is_current("n1") and world.is_current("n2"))
    assert (world.sensors.has("n1"), world.sensors.has("n2")) == (("a",), ("a", "b"))
    state = world.rollout.states()["n1"]
    assert (state.trouble, state.last_contact, dict(state.rule_hashes)) == (None, 5.0, dict(A.rule_hashes))
    assert "n1" in world.heard


async def test_a_sensor_that_is_there_first_gets_it_when_it_is_wanted(world: World) -> None:
    world.rollout.appeared("n1")
    await world.until(lambda: world.sensors.asked == ["n1"])
    world.rollout.want({"n1": A})
    await world.until(lambda: world.is_current("n1"))


async def test_nodes_that_appeared_before_the_rollout_runs_are_served() -> None:
    sensors = Sensors()
    served = rollout.Rollout(sensors, rollout.Options())
    served.want({"n1": A})
    served.appeared("n1")
    task = asyncio.create_task(served.run())
    async with asyncio.timeout(PATIENCE):
        while not served.states()["n1"].is_current:  # noqa: ASYNC110 - as above
            await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_change_is_pushed_once_to_each_sensor(world: World) -> None:
    nodes = [f"n{number}" for number in range(23)]
    world.rollout.want(dict.fromkeys(nodes, A))
    for node in nodes:
        world.rollout.appeared(node)
    await world.until(lambda: all(map(world.is_current, nodes)))
    world.rollout.want(dict.fromkeys(nodes, B))
    await world.until(lambda: all(world.sensors.has(node) == ("a", "b") for node in nodes))
    await world.until(lambda: all(map(world.is_current, nodes)))
    assert len(world.sensors.pushed) == 2 * 23
    assert len(set(world.sensors.pushed)) == 2 * 23
    assert len(world.sensors.asked) == 23


async def test_wanting_the_same_again_pushes_nothing(world: World) -> None:
    world.rollout.want({"n1": A})
    world.rollout.appeared("n1")
    await world.until(lambda: world.is_current("n1"))
    world.rollout.want({"n1": content("a")})
    for _ in range(20):
        await asyncio.sleep(0)
    assert len(world.sensors.pushed) == 1


async def test_no_more_conversations_at_once_than_allowed(world: World) -> None:
    nodes = [f"n{number}" for number in range(30)]
    world.rollout.want(dict.fromkeys(nodes, A))
    for node in nodes:
        world.rollout.appeared(node)
    await world.until(lambda: all(map(world.is_current, nodes)))
    assert world.sensors.most == 4


async def test_pushing_goes_on_until_it_is_acknowledged(world: World) -> None:
    failure = reports.PushError(reports.Failure.UNREACHABLE, "no route")
    world.sensors.trouble["n1"] = [failure] * 5
    world.rollout.want({"n1": A})
    world.rollout.appeared("n1")
    await world.until(lambda: world.is_current("n1"))
    assert world.bounds == [0.5, 1.0, 2.0, 4.0, 8.0]
    assert world.rollout.states()["n1"].trouble is None


async def test_waits_have_a_bound() -> None:
    options = rollout.Options(backoff_first=1.0, backoff_most=10.0)
    async with running(options) as world:
        world.sensors.trouble["n1"] = [reports.PushError(reports.Failure.UNREACHABLE, "no")] * 60
        world.rollout.want({"n1": A})
        world.rollout.appeared("n1")
        await world.until(lambda: world.is_current("n1"))
        assert world.bounds[:6] == [1.0, 2.0, 4.0, 8.0, 10.0, 10.0]
        assert max(world.bounds) == 10.0


async def test_one_sensor_in_trouble_holds_up_no_other() -> None:
    async with running(rollout.Options(concurrency=1), wait=1000.0) as world:
        world.sensors.trouble["bad"] = [reports.PushError(reports.Failure.UNREACHABLE, "no")] * 3
        world.rollout.want({"bad": A, "good": A})
        world.rollout.appeared("bad")
        world.rollout.appeared("good")
        await world.until(lambda: world.is_current("good"))
        trouble = world.rollout.states()["bad"].trouble
        assert trouble == reports.Trouble(reports.Failure.UNREACHABLE, "no", 1)


async def test_a_sensor_that_reappears_is_served_at_once_whatever_the_wait() -> None:
    async with running(rollout.Options(), wait=1000.0) as world:
        world.sensors.trouble["n1"] = [reports.PushError(reports.Failure.UNREACHABLE, "no")]
        world.rollout.want({"n1": A})
        world.rollout.appeared("n1")
        await world.until(lambda: world.rollout.states()["n1"].trouble is not None)
        world.rollout.appeared("n1")
        await world.until(lambda: world.is_current("n1"))


async def test_a_sensor_that_lost_its_bundle_gets_it_again(world: World) -> None:
    world.rollout.want({"n1": A})
    world.rollout.appeared("n1")
    await world.until(lambda: world.is_current("n1"))
    world.sensors.in_force.clear()
    world.rollout.appeared("n1")
    await world.until(lambda: world.sensors.has("n1") == ("a",))


async def test_a_sensor_that_lost_its_bundle_in_silence_is_found_by_looking() -> None:
    async with running(rollout.Options(poll=0.001)) as world:
        world.rollout.want({"n1": A})
        world.rollout.appeared("n1")
        await world.until(lambda: world.is_current("n1"))
        world.sensors.in_force.clear()
        await world.until(lambda: world.sensors.has("n1") == ("a",))


async def test_a_newer_content_supersedes_the_push_in_flight(world: World) -> None:
    world.sensors.hold["n1"] = asyncio.Event()
    world.rollout.want({"n1": A})
    world.rollout.appeared("n1")
    await world.until(lambda: len(world.sensors.pushed) == 1)
    world.rollout.want({"n1": B})
    await world.until(lambda: len(world.sensors.pushed) == 2)
    assert world.sensors.cancelled == ["n1"]
    world.sensors.hold["n1"].set()
    await world.until(lambda: world.is_current("n1"))
    assert world.sensors.has("n1") == ("a", "b")
    assert world.rollout.states()["n1"].trouble is None


async def test_a_stream_of_changes_lets_a_slow_sensor_finish_now_and_then(world: World) -> None:
    world.sensors.hold["n1"] = asyncio.Event()
    world.rollout.want({"n1": A})
    world.rollout.appeared("n1")
    for number, each in enumerate((B, C, A, B), start=1):
        await world.until(lambda number=number: len(world.sensors.pushed) >= min(number, 2))  # type: ignore[misc]
        world.rollout.want({"n1": each})
    for _ in range(20):
        await asyncio.sleep(0)
    assert len(world.sensors.cancelled) == 1
    world.sensors.hold["n1"].set()
    await world.until(lambda: world.is_current("n1"))
    assert world.sensors.has("n1") == ("a", "b")


async def test_a_sensor_with_the_right_rules_of_another_operator_is_left_alone(world: World) -> None:
    world.sensors.in_force["n1"] = (A.digest(99), 99)
    world.rollout.want({"n1": A})
    world.rollout.appeared("n1")
    await world.until(lambda: world.is_current("n1"))
    assert world.sensors.pushed == []
    assert dict(world.rollout.states()["n1"].rule_hashes) == dict(A.rule_hashes)


async def test_a_sensor_with_a_revision_from_the_future_gets_a_later_one(world: World) -> None:
    world.sensors.in_force["n1"] = ("sha256:other", 10**15)
    world.rollout.want({"n1": A})
    world.rollout.appeared("n1")
    await world.until(lambda: world.is_current("n1"))
    assert world.sensors.in_force["n1"][1] > 10**15


async def test_a_refusal_as_outdated_leads_to_a_higher_revision_at_once() -> None:
    async with running(rollout.Options(), wait=1000.0) as world:
        world.rollout.want({"n1": A})
        world.rollout.appeared("n1")
        await world.until(lambda: world.is_current("n1"))
        # Somebody else pushed something newer since.
        world.sensors.in_force["n1"] = ("sha256:other", 5000)
        world.rollout.want({"n1": B})
        await world.until(lambda: world.is_current("n1"))
        assert world.sensors.in_force["n1"][1] > 5000


async def test_a_sensor_that_acknowledges_something_else_is_in_trouble() -> None:
    async with running(rollout.Options(), wait=1000.0) as world:

        async def lie(node: str, bundle_bytes: bytes, digest: str) -> reports.Report:
            return reports.Report("sha256:something", 7)

        world.sensors.push = lie  # type: ignore[method-assign]
        world.rollout.want({"n1": A})
        world.rollout.appeared("n1")
        await world.until(lambda: world.rollout.states()["n1"].trouble is not None)
        assert not world.is_current("n1")


async def test_an_error_nobody_thought_of_is_trouble_of_one_node() -> None:
    async with running(rollout.Options()) as world:
        honest, failures = world.sensors.push, [ValueError("boom")]

        async def push(node: str, bundle_bytes: bytes, digest: str) -> reports.Report:
            if failures:
                raise failures.pop()
            return await honest(node, bundle_bytes, digest)

        world.sensors.push = push  # type: ignore[method-assign]
        world.rollout.want({"n1": A})
        world.rollout.appeared("n1")
        await world.until(lambda: world.is_current("n1"))
        assert world.bounds == [0.5]


async def test_a_node_that_is_gone_is_forgotten_and_its_push_given_up(world: World) -> None:
    world.sensors.hold["n1"] = asyncio.Event()
    world.rollout.want({"n1": A})
    world.rollout.appeared("n1")
    await world.until(lambda: len(world.sensors.pushed) == 1)
    world.rollout.gone("n1")
    await world.until(lambda: world.sensors.cancelled == ["n1"])
    assert world.rollout.states() == {}
    world.rollout.gone("n1")


async def test_what_a_sensor_says_about_rules_is_kept(world: World) -> None:
    world.sensors.rule_errors = (reports.RuleError("team/a", "too large"),)
    world.rollout.want({"n1": A})
    world.rollout.appeared("n1")
    await world.until(lambda: world.is_current("n1"))
    report = world.rollout.states()["n1"].report
    assert report is not None
    assert report.rule_errors == world.sensors.rule_errors


async def test_stopping_gives_up_every_push() -> None:
    async with running(rollout.Options()) as world:
        for node in ("n1", "n2"):
            world.sensors.hold[node] = asyncio.Event()
            world.rollout.appeared(node)
        world.rollout.want({"n1": A, "n2": A})
        await world.until(lambda: len(world.sensors.pushed) == 2)
    assert sorted(world.sensors.cancelled) == ["n1", "n2"]


# ------------------------------------------------------------------------------------------ revisions


def test_revisions_follow_the_clock_and_only_grow() -> None:
    times = iter([1000, 1000, 500, 3000])
    stamps = packages.Stamps(clock=lambda: next(times))
    contents = [A, B, C, content("d")]
    assert [stamps.package(each).revision for each in contents] == [1000, 1001, 1002, 3000]


def test_one_package_serves_all_nodes_of_a_content() -> None:
    stamps = packages.Stamps(clock=lambda: 1000)
    assert stamps.package(A) is stamps.package(content("a"), "sha256:old", 900)
    assert stamps.package(A, "sha256:newer", 2000).revision == 2001


def test_going_back_to_earlier_rules_is_a_new_revision() -> None:
    stamps = packages.Stamps(clock=lambda: 1000)
    first = stamps.package(A)
    second = stamps.package(B, first.digest, first.revision)
    third = stamps.package(A, second.digest, second.revision)
    assert first.revision < second.revision < third.revision


def test_packages_say_what_is_in_them() -> None:
    package = packages.Stamps(clock=lambda: 77).package(B)
    data = wire.unpack(package.packed)
    assert data == wire.dumps(bundle.Bundle(B.rules, 77))
    assert package.digest == f"sha256:{wire.digest(data)}"
