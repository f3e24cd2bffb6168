"""What the hub takes and what it costs: `make bench-hub`. No test: times depend on the machine, and are for reading.

    load      2,000 alerts a second for a minute over HTTP, as from 20 sensors, into a hub of its own: rate, time to
              acceptance, memory, processor; then all are counted
    queries   a store of a million alerts: how long each question of the page takes

`--help` tells the arguments.
"""

from __future__ import annotations

import argparse
import asyncio
import dataclasses
import json
import os
import random
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import aiohttp
from tests.hub.support.process import Hub
from tests.hub.web.support import examples

from falcon_hub import alerts
from falcon_hub.store import filters, store

SENSORS = 20
_HOUR, _DAY = 3600 * 10**9, 86_400 * 10**9


async def load(rate: int, seconds: int, url: str) -> None:
    with tempfile.TemporaryDirectory(prefix="falcon-hub-bench-") as folder:
        hub = Hub(Path(folder), *([f"store.url={url}"] if url else []))
        hub.start()
        try:
            await _load(hub, rate, seconds)
        finally:
            hub.stop()


async def _load(hub: Hub, rate: int, seconds: int) -> None:
    assert hub.process is not None
    each = rate // SENSORS
    # Once a second each sensor sends what it has, as an array; made before, so that only the hub is measured.
    chance = random.Random(1)
    bodies = [
        [json.dumps([examples.document(n, time.time_ns(), chance) for n in range(each)]) for _ in range(seconds)]
        for _ in range(SENSORS)
    ]
    waits: list[float] = []
    begin_cpu, begin = _cpu(hub.process.pid), time.monotonic()
    headers = {"Authorization": f"Bearer {hub.token}"}
    async with aiohttp.ClientSession(headers=headers) as session:
        await asyncio.gather(
            *(
                _sensor(session, hub.address, mine, begin + number / SENSORS, waits)
                for number, mine in enumerate(bodies)
            )
        )
    took = time.monotonic() - begin
    total = each * SENSORS * seconds
    waits.sort()
    print(f"load: {total} alerts accepted in {took:.1f} s, {total / took:.0f} a second")
    print(f"  request to acceptance: median {_ms(waits, 0.5)}, 99 % {_ms(waits, 0.99)}, worst {_ms(waits, 1)}")
    print(f"  hub: {_rss(hub.process.pid)} MiB, {(_cpu(hub.process.pid) - begin_cpu) / took:.2f} of a core")
    print(f"  stored {hub.metric('falcon_hub_alerts_stored_total'):.0f}")


async def _sensor(
    session: aiohttp.ClientSession, url: str, bodies: list[str], begin: float, waits: list[float]
) -> None:
    for second, body in enumerate(bodies):
        await asyncio.sleep(max(0.0, begin + second - time.monotonic()))
        sent = time.monotonic()
        async with session.post(url, data=body) as answer:
            assert answer.status == 200, await answer.text()
        waits.append(time.monotonic() - sent)


def queries(count: int, url: str, keep: str | None) -> None:
    with tempfile.TemporaryDirectory(prefix="falcon-hub-bench-") as temporary:
        file = Path(keep or temporary).absolute() / "hub.db"
        begin = time.monotonic()
        bytes_each = asyncio.run(_filled(url or f"sqlite:///{file}", count))
        print(f"queries: {count} alerts, estimated {bytes_each:.0f} bytes each", end="")
        print("" if url else f", on disk {file.stat().st_size / count:.0f}", end="")
        print(f"; filled in {time.monotonic() - begin:.0f} s")
        asyncio.run(_ask_all(url or f"sqlite:///{file}"))
        print(f"  memory {_rss(os.getpid())} MiB")


async def _filled(url: str, count: int) -> float:
    async with await store.Store.open(url) as kept:
        await _fill(kept, count)
        size = await kept.size()
    return size.bytes / size.alerts


async def _fill(kept: store.Store, count: int) -> None:
    there = (await kept.size()).alerts
    chance, now = random.Random(there), time.time_ns()
    for at in range(there, count, 2000):
        moments = (now - 7 * _DAY + 7 * _DAY * number // count for number in range(at, min(count, at + 2000)))
        await kept.add([alerts.parse(examples.document(at, moment, chance)) for moment in moments])


async def _ask_all(url: str) -> None:
    async with await store.Store.open(url) as kept:
        await _questions(kept)


async def _questions(kept: store.Store) -> None:
    last = (await kept.page(filters.Filter(), limit=1)).rows[0].alert
    now = last.time_ns + 1
    everything, day = filters.Filter(), filters.Filter(since_ns=now - _DAY, until_ns=now)
    hour = filters.Filter(since_ns=now - _HOUR, until_ns=now)
    rare = filters.Filter(is_={"rule": ("Kernel module loaded from a container",)})
    both = filters.Filter(is_={"namespace": ("payments",), "tag": ("network",)}, priorities=frozenset({1}))
    deep = f"{now - 6 * _DAY}-0"
    await _ask("get one", lambda: kept.get(last.uuid))
    await _ask("page, newest", lambda: kept.page(everything))
    await _ask("page, six days back", lambda: kept.page(everything, deep))
    await _ask("page, one rule (rare)", lambda: kept.page(rare))
    await _ask("page, namespace, tag, priority", lambda: kept.page(both))
    await _ask("page, not acknowledged", lambda: kept.page(filters.Filter(acknowledged=False)))
    await _ask("page, text, everywhere (shadow)", lambda: kept.page(filters.Filter(text="shadow")))
    await _ask("page, text, rare (10.1.7.77)", lambda: kept.page(filters.Filter(text="10.1.7.77")))
    await _ask("page, text, nowhere", lambda: kept.page(filters.Filter(text="nowhere-at-all")))
    await _ask("page, a field's value", lambda: kept.page(filters.Filter(fields=(("proc.pid", "1234"),))))
    await _ask("page, without a field's value", lambda: kept.page(filters.Filter(not_fields=(("proc.name", "cat"),))))
    for name, chosen in (("hour", hour), ("day", day), ("all", everything)):
        unseen = dataclasses.replace(chosen, acknowledged=False)
        await _ask(f"count, {name}", lambda chosen=chosen: kept.count(chosen))  # type: ignore[misc]
        await _ask(f"count, not acknowledged, {name}", lambda unseen=unseen: kept.count(unseen))  # type: ignore[misc]
        await _ask(f"timeline, {name}", lambda chosen=chosen: kept.timeline(chosen, 120))  # type: ignore[misc]
        await _ask(f"top rules, {name}", lambda chosen=chosen: kept.top(chosen, "rule"))  # type: ignore[misc]
        await _ask(f"top pods, {name}", lambda chosen=chosen: kept.top(chosen, "pod"))  # type: ignore[misc]
        await _ask(f"top tags, {name}", lambda chosen=chosen: kept.top(chosen, "tag"))  # type: ignore[misc]
    await _ask("count, text (shadow), day", lambda: kept.count(filters.Filter(now - _DAY, now, text="shadow")))


async def _ask(name: str, question: Callable[[], Awaitable[Any]]) -> None:
    times = []
    for _ in range(3):
        begin = time.monotonic()
        await question()
        times.append(time.monotonic() - begin)
    print(f"  {name:36} {statistics.median(times) * 1000:8.1f} ms   first {times[0] * 1000:8.1f}", flush=True)


def _ms(values: list[float], part: float) -> str:
    return f"{values[min(len(values) - 1, int(len(values) * part))] * 1000:.1f} ms"


def _rss(pid: int) -> int:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) // 1024
    return 0


def _cpu(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", nargs="*", choices=["load", "queries", []], help="default: both")
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--rate", type=int, default=2000)
    parser.add_argument("--alerts", type=int, default=1_000_000)
    parser.add_argument("--url", default="", help="an empty PostgreSQL database instead of SQLite")
    parser.add_argument("--keep", metavar="FOLDER", help="where the store of `queries` stays, to ask it again")
    options = parser.parse_args()
    if not options.what or "load" in options.what:
        asyncio.run(load(options.rate, options.seconds, options.url))
    if not options.what or "queries" in options.what:
        queries(options.alerts, options.url, options.keep)


if __name__ == "__main__":
    main()
