"""Real probes, and a program that acts in front of them (`actor.c`)."""

from __future__ import annotations

import dataclasses
import os
import subprocess
import typing
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pytest

from falcon_sensor.kernel import backends, choosing, probes
from falcon_sensor.kernel.plan import contract
from falcon_sensor.records import decode, layout

ACTOR = "falcon-actor"

# The machine is busy with other things than the test: only the actor's calls come through, and every exec.
ONLY_THE_ACTOR = """
static __always_inline int is_actor(const struct falcon_facts *f)
{
    u64 words[2];
    falcon_comm(f, words);
    return words[0] == ACTOR_COMM;
}
static __always_inline int falcon_want_exec_early(const struct falcon_facts *f) { return 1; }
static __always_inline int falcon_want_exec(const struct falcon_facts *f, const struct falcon_names *n) { return 1; }
""".replace("ACTOR_COMM", str(int.from_bytes(ACTOR.encode()[:8], "little")))

for kind in set(layout.Kind) - {layout.Kind.EXEC}:
    ONLY_THE_ACTOR += """
static __always_inline int falcon_want_KIND_early(const struct falcon_facts *f) { return is_actor(f); }
static __always_inline int falcon_want_KIND(const struct falcon_facts *f, const struct falcon_names *n) { return 1; }
""".replace("KIND", kind.name.lower())

RING = 1 << 22


@dataclasses.dataclass(frozen=True)
class Acted:
    """What an actor did: its pid, what its calls returned, and the records of it and its children.

    sees_absent_calls: the probes would have shown calls that this kernel does not have.
    """

    pid: int
    results: list[int]
    records: list[decode.Record]
    sees_absent_calls: bool = True

    def of(self, *events: str) -> list[decode.Record]:
        return [record for record in self.records if record.event in events]

    def one(self, *events: str) -> decode.Record:
        (record,) = self.of(*events)
        return record

    def ours(self, records: Iterable[decode.Record]) -> list[decode.Record]:
        """Those of the actor and its children, its own exec left out."""
        return [
            record
            for record in records
            if self.pid in (record.head.pid, *(ancestor.pid for ancestor in record.ancestors))
            and not self._is_start(record)
        ]

    def _is_start(self, record: decode.Record) -> bool:
        """The actor's own exec, by the test."""
        return record.kind is layout.Kind.EXEC and record.head.pid == self.pid and not record.head.result


Act = Callable[..., Acted]


@pytest.fixture(scope="session")
def actor(tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("actor") / ACTOR
    source = Path(__file__).with_name("actor.c")
    subprocess.run(["gcc", "-static", "-no-pie", "-O1", "-o", target, source], check=True)
    return target


@pytest.fixture(scope="module")
def failed_execs() -> bool:
    """Whether the module's probes show execs that failed."""
    return False


# Set in the virtual machines of `make test-kernels`, where all takes ten times as long.
if seconds := os.environ.get("FALCON_TEST_LOADER_SECONDS"):
    probes.CHILD_SECONDS = int(seconds)


@pytest.fixture(scope="module")
def backend() -> choosing.Wish:
    """Of the module's probes: the one that every kernel has, or what `make test-kernels` asks for."""
    return typing.cast(choosing.Wish, os.environ.get("FALCON_TEST_BACKEND") or "c")


@pytest.fixture(scope="module")
def only_the_actor(failed_execs: bool) -> contract.Plan:
    """All events of actors."""
    return contract.Plan(frozenset(layout.EVENTS), ONLY_THE_ACTOR, failed_execs=failed_execs)


@pytest.fixture(scope="session")
def kept() -> Iterator[dict[bool, probes.Probes]]:
    """Probes that modules share in the virtual machines, where loading takes minutes; by whether failed execs show.
    Elsewhere each module's end with it: other tests count what is attached."""
    shared: dict[bool, probes.Probes] = {}
    yield shared
    for each in shared.values():
        each.close()


@pytest.fixture(scope="module")
def attached(
    only_the_actor: contract.Plan, backend: choosing.Wish, failed_execs: bool, kept: dict[bool, probes.Probes]
) -> Iterator[probes.Probes]:
    """Its probes."""
    if failed_execs in kept:
        yield kept[failed_execs]
        return
    cache = os.environ.get("FALCON_TEST_PROGRAM_CACHE") or ""
    try:
        loaded = probes.load(only_the_actor, RING, backend=backend, cache=cache)
    except probes.ProbeError as error:
        if backend == "c" or "cannot be had here" not in str(error):
            raise
        pytest.skip(str(error))
    if "FALCON_TEST_BACKEND" in os.environ:
        kept[failed_execs] = loaded
        yield loaded
        return
    with loaded:
        yield loaded


@pytest.fixture
def plan_of_actors() -> Callable[..., contract.Plan]:
    """Makes a plan for these events of actors."""
    return lambda *events: contract.Plan(frozenset(events), ONLY_THE_ACTOR)


@pytest.fixture
def act(actor: Path, attached: probes.Probes) -> Act:
    """`act(action, times, *arguments)` runs the actor and gives what came of it."""

    def run(action: str, times: int, *arguments: object, cwd: Path | None = None) -> Acted:
        for _ in attached.ring.records():
            pass
        process = subprocess.Popen(
            [actor, action, str(times), *map(str, arguments)], stdout=subprocess.PIPE, text=True, cwd=cwd
        )
        output, _ = process.communicate()
        assert process.returncode == 0
        records = [decode.Record(data) for data in attached.ring.records()]
        results = [int(line) for line in output.split()]
        acted = Acted(process.pid, results, [], attached.backend is backends.Backend.C)
        return dataclasses.replace(acted, records=acted.ours(records))

    return run
