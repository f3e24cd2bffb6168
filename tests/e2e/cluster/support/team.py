"""A namespace with pods in it, and the words that tell one test's acts from everything else on the machine."""

from __future__ import annotations

import re
import subprocess
import uuid
from collections.abc import Mapping

from tests.e2e.cluster.support import bodies
from tests.e2e.cluster.support.kubectl import Body, Kubectl, until

_CLUSTER_WIDE = ("clusterfalconrules.falcon.dev", "falconrulesets.falcon.dev")
_LABEL = "falcon-e2e/team"


class Team:
    """`start`, then `end`; what `own` marked ends with it."""

    def __init__(self, kubectl: Kubectl, namespace: str, image: str) -> None:
        self.kubectl = kubectl
        self.namespace = namespace
        self.image = image
        self.pods: dict[str, str] = {}
        # Unlike any other's, and short: programs' arguments and rules' names carry it.
        self.word = f"w{uuid.uuid4().hex[:10]}"

    @staticmethod
    def name_for(test: str) -> str:
        stem = re.sub(r"[^a-z0-9]+", "-", test.lower()).strip("-").removeprefix("test-")[:40].strip("-")
        return f"e2e-{stem}-{uuid.uuid4().hex[:5]}"

    def start(self, pods: Mapping[str, str | None]) -> None:
        """pods: names to the nodes they must run on, None for any."""
        # One of an earlier run may be on its way out.
        until(f"namespace {self.namespace} is not being deleted", self._free)
        self.kubectl.apply(bodies.namespace(self.namespace))
        self.add(pods)

    def _free(self) -> bool:
        found = self.kubectl.find("namespace", self.namespace)
        return found is None or "deletionTimestamp" not in found["metadata"]

    def add(self, pods: Mapping[str, str | None], labels: Mapping[str, str] = {}, image: str | None = None) -> None:
        """More pods; returns when they run."""
        if not pods:
            return
        self.kubectl.apply(
            *(
                bodies.pod(name, self.namespace, node, image=image or self.image, labels=labels)
                for name, node in pods.items()
            )
        )
        names = [f"pod/{name}" for name in pods]
        self.kubectl.run("wait", "-n", self.namespace, *names, "--for=condition=Ready", "--timeout=80s")
        for name in pods:
            self.pods[name] = self.kubectl.get("pod", name, "-n", self.namespace)["spec"]["nodeName"]

    def end(self) -> None:
        for kind in _CLUSTER_WIDE:
            self.kubectl.run("delete", kind, "-l", f"{_LABEL}={self.namespace}", "--ignore-not-found")
        self.kubectl.delete("namespace", self.namespace, wait=False)

    def own(self, rule: Body) -> Body:
        """A cluster-wide rule or set that goes when the team does."""
        rule["metadata"]["labels"] = {_LABEL: self.namespace}
        return rule

    def exec(self, pod: str, *command: str) -> str:
        return self.kubectl.run("exec", "-n", self.namespace, pod, "--", *command)

    def shell(self, pod: str, command: str, typed: str) -> str:
        """`kubectl exec -it POD -- COMMAND` on a terminal, as somebody does who then types `typed`."""
        words = self.kubectl.command("exec", "-it", "-n", self.namespace, pod, "--", *command.split())
        line = " ".join(f"'{word}'" for word in words)
        done = subprocess.run(
            ["script", "--quiet", "--return", "--command", line, "/dev/null"],
            input=typed,
            capture_output=True,
            text=True,
            timeout=60,
        )
        return done.stdout + done.stderr
