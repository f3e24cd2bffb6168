"""What Falcon costs and how fast it is, in a real cluster: `make bench-cluster`. No test: it prints a table.

    apply -> loaded   from the start of `kubectl apply` of a changed rule until its status counts every node
    act -> Event      from a line typed into a shell of a pod until a watch of Events shows what it started
    requests          to the API server for one changed rule, by the sensors and by the operators; idle ones subtracted
    memory            resident, of the sensors' processes and of the operators

Falcon is installed with the chart's own values, default rules included.
"""

from __future__ import annotations

import contextlib
import json
import pathlib
import re
import statistics
import subprocess
import tempfile
import threading
import time
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from typing import Any

from tests.e2e.cluster.support import access, bodies, images
from tests.e2e.cluster.support.kubectl import Kubectl, until
from tests.e2e.cluster.support.release import Release
from tests.e2e.cluster.support.team import Team

CHANGES = 20
ACTS = 100
# One rule's texts get Events of their own up to ten, and a node may send two requests a second (the chart's defaults).
RULES = 10
PAUSE = 0.6
IDLE_SECONDS = 20.0
HEALTH_PORT = 8080

_PREFIX = "/apis/falcon.dev/v1alpha1/namespaces"


class Watch:
    """Lines of a watch through `kubectl proxy`, each with the time at which it came. It ends with the proxy."""

    def __init__(self, base: str, path: str) -> None:
        self.lines: list[tuple[float, dict[str, Any]]] = []
        self._stream = urllib.request.urlopen(f"{base}{path}")
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        with contextlib.suppress(OSError, ValueError):
            for line in self._stream:
                self.lines.append((time.monotonic(), json.loads(line)))

    def first(self, wanted: Callable[[dict[str, Any]], bool], what: str) -> float:
        """When the first object came that is as wanted."""
        return until(what, lambda: next((at for at, line in self.lines if wanted(line["object"])), None), pause=0.005)


@contextlib.contextmanager
def proxy(kubectl: Kubectl) -> Iterator[str]:
    process = subprocess.Popen(kubectl.command("proxy", "--port=0"), stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        found = re.search(r"127\.0\.0\.1:\d+", process.stdout.readline())
        assert found
        yield f"http://{found[0]}"
    finally:
        process.terminate()
        process.wait()


def apply_to_loaded(kubectl: Kubectl, team: Team, nodes: int, base: str) -> tuple[list[float], list[float]]:
    """Seconds until kubectl returned, and until all nodes had it."""
    returned, loaded = [], []
    watch = Watch(base, f"{_PREFIX}/{team.namespace}/falconrules?watch=1")
    for number in range(CHANGES):
        rule = bodies.rule("timed", team.namespace, condition=bodies.started(f"{team.word}-v{number}"))
        started = time.monotonic()
        kubectl.apply(rule)
        returned.append(time.monotonic() - started)
        generation = number + 1

        def everywhere(body: dict[str, Any], generation: int = generation) -> bool:
            status = body.get("status") or {}
            counts = status.get("nodes") or {}
            return status.get("observedGeneration") == generation and counts.get("loaded") == nodes

        loaded.append(watch.first(everywhere, f"version {number} is loaded everywhere") - started)
    return returned, loaded


def act_to_event(kubectl: Kubectl, release: Release, team: Team, base: str) -> list[float]:
    """Seconds, for one act after the other."""
    node = release.nodes()[-1]
    team.add({"actor": node})
    release.apply(
        *(
            bodies.rule(f"act-{number}", team.namespace, condition=bodies.started(f"{team.word}-{number}-"))
            for number in range(RULES)
        )
    )
    watch = Watch(base, f"/api/v1/namespaces/{team.namespace}/events?watch=1")
    words = kubectl.command("exec", "-i", "-n", team.namespace, "actor", "--", "bash")
    shell = subprocess.Popen(words, stdin=subprocess.PIPE, text=True)
    assert shell.stdin is not None
    typed = {}
    for number in range(ACTS):
        word = f"{team.word}-{number % RULES}-{uuid.uuid4().hex[:8]}"
        typed[word] = time.monotonic()
        shell.stdin.write(f"/bin/true {word}\n")
        shell.stdin.flush()
        time.sleep(PAUSE)
    found = [
        watch.first(lambda body, word=word: word in (body.get("message") or ""), f"an Event about {word}") - at  # type: ignore[misc]
        for word, at in typed.items()
    ]
    shell.stdin.close()
    shell.wait()
    return found


def requests(release: Release) -> tuple[float, float]:
    """So far, by all sensors and by all operators."""
    sensors = sum(release.metric(pod, "falcon_sensor_kubernetes_requests_total") for pod in release.sensors().values())
    operators = sum(
        release.metric(pod["metadata"]["name"], "falcon_operator_api_requests_total", HEALTH_PORT)
        for pod in release.pods("operator")
    )
    return sensors, operators


def requests_per_change(kubectl: Kubectl, release: Release, team: Team) -> tuple[float, float]:
    """What the changes cost beyond what goes on anyway: leases, polls, token reviews."""
    before, began = requests(release), time.monotonic()
    time.sleep(IDLE_SECONDS)
    middle, idle = requests(release), time.monotonic() - began
    began = time.monotonic()
    for number in range(CHANGES):
        release.apply(bodies.rule("counted", team.namespace, condition=bodies.started(f"{team.word}-c{number}")))
    after, busy = requests(release), time.monotonic() - began
    sensors, operators = (
        max(0.0, (late - mid) - (mid - early) * busy / idle) / CHANGES
        for early, mid, late in zip(before, middle, after, strict=True)
    )
    return sensors, operators


def memory(release: Release) -> dict[str, list[float]]:
    """MiB by kind of process, each over all pods."""
    found: dict[str, list[float]] = {}
    for pod in release.sensors().values():
        for sample in release.metrics(pod):
            if sample.name == "falcon_sensor_resident_memory_bytes":
                found.setdefault(f"sensor pod: {sample.labels['process']}", []).append(sample.value / 2**20)
    for body in release.pods("operator"):
        name = body["metadata"]["name"]
        who = "operator (leading)" if name in release.leader() else "operator (standing by)"
        found.setdefault(who, []).append(release.metric(name, "process_resident_memory_bytes", HEALTH_PORT) / 2**20)
    return found


def _row(name: str, values: list[float], unit: str) -> str:
    ordered = sorted(values)
    p99 = ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))]
    return f"| {name} | {statistics.median(ordered):.2f} {unit} | {p99:.2f} {unit} | {len(ordered)} |"


def main() -> None:
    if (reason := access.missing()) is not None:
        raise SystemExit(f"bench-cluster {reason}")
    found = access.find()
    for archive in images.archives():
        found.load_image(archive)
    kubectl, release = Kubectl(found.kubeconfig), Release(found.kubeconfig)
    image = bodies.wanted_image(f"localhost/falcon/operator:{images.tag()}")
    team = Team(kubectl, Team.name_for("bench"), image)
    with tempfile.TemporaryDirectory() as folder, proxy(kubectl) as base:
        try:
            release.install({}, pathlib.Path(folder))
            team.start({})
            returned, loaded = apply_to_loaded(kubectl, team, len(release.nodes()), base)
            events = act_to_event(kubectl, release, team, base)
            by_sensors, by_operators = requests_per_change(kubectl, release, team)
            resident = memory(release)
        finally:
            team.end()
            release.uninstall()
    print("| | p50 | p99 | of |\n|---|---|---|---|")
    print(_row("`kubectl apply` returned", returned, "s"))
    print(_row("`kubectl apply` to loaded on every node", loaded, "s"))
    print(_row("act in a pod to visible Event", events, "s"))
    for name, values in sorted(resident.items()):
        print(_row(f"resident memory, {name}", values, "MiB"))
    print(f"\nAPI requests for one changed rule: {by_sensors:.1f} by all sensors, {by_operators:.1f} by all operators.")


if __name__ == "__main__":
    main()
