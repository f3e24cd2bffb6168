"""Which cluster the tests use, and the words that say how to get one.

In this order: the one that FALCON_E2E_KUBECONFIG names, with FALCON_E2E_LOAD_IMAGE as the command
that brings an image archive (its last argument) to every node; a kind cluster, made where Docker
runs and kind is installed; none. There is no pretended one: without a cluster the tests are skipped.

What only some clusters can do is told by commands as well; tests that need one are skipped where
it is not given:

    FALCON_E2E_API_STOP, FALCON_E2E_API_START     stop and start the API server
    FALCON_E2E_NODE_REMOVE, FALCON_E2E_NODE_ADD   stop a node, the name is their argument; bring it back
    FALCON_E2E_NODE_EXEC                          run a host process: "nsenter --net=/run/netns/{node} --"
    FALCON_E2E_ACCOUNTS_KEY                       the key that service account tokens are signed with
    FALCON_E2E_POD_IMAGE                          what the tests' pods run (a bash must be in it)
    FALCON_E2E_CACHE                              where built images are kept
"""

from __future__ import annotations

import os
import pathlib
import shlex
import shutil
import subprocess
from dataclasses import dataclass

ROOT = pathlib.Path(__file__).resolve().parents[4]
KIND_CONFIG = ROOT / "tests" / "e2e" / "kind.yaml"
KIND_NAME = "falcon-e2e"

NONE = (
    "needs a Kubernetes cluster: set FALCON_E2E_KUBECONFIG and FALCON_E2E_LOAD_IMAGE (a command that loads an image "
    "archive into all nodes), or install Docker and kind"
)


@dataclass(frozen=True, slots=True)
class Access:
    """kubeconfig: of an administrator. load: the command that takes an archive."""

    kubeconfig: pathlib.Path
    load: tuple[str, ...]

    def load_image(self, archive: pathlib.Path) -> None:
        run([*self.load, str(archive)])


def missing() -> str | None:
    """Why there is no cluster, in one line; None if there is one or can be one."""
    kubeconfig, load = os.environ.get("FALCON_E2E_KUBECONFIG"), os.environ.get("FALCON_E2E_LOAD_IMAGE")
    if bool(kubeconfig) != bool(load):
        return "FALCON_E2E_KUBECONFIG and FALCON_E2E_LOAD_IMAGE go together; one of them is not set"
    if kubeconfig is None and not _kind_works():
        return NONE
    if shutil.which("kubectl") is None:
        return "needs kubectl (on Debian: apt-get install kubernetes-client)"
    return None


def find() -> Access:
    """The cluster; makes the one of kind if that is what there is. Only after `missing` returned None."""
    kubeconfig = os.environ.get("FALCON_E2E_KUBECONFIG")
    if kubeconfig:
        return Access(pathlib.Path(kubeconfig), tuple(shlex.split(os.environ["FALCON_E2E_LOAD_IMAGE"])))
    path = cache() / "kind.kubeconfig"
    if KIND_NAME not in run(["kind", "get", "clusters"]).split():
        run(["kind", "create", "cluster", "--name", KIND_NAME, "--config", str(KIND_CONFIG), "--wait", "180s"])
    path.write_text(run(["kind", "get", "kubeconfig", "--name", KIND_NAME]))
    return Access(path, ("kind", "load", "image-archive", "--name", KIND_NAME))


def command(name: str, *arguments: str) -> list[str] | None:
    """One of the commands above with its arguments, or None where the environment does not give it."""
    words = shlex.split(os.environ.get(name, ""))
    return [*words, *arguments] if words else None


def cache() -> pathlib.Path:
    """Outside of the tree, so that a clean clone finds what an earlier one built."""
    named = os.environ.get("FALCON_E2E_CACHE") or os.environ.get("XDG_CACHE_HOME")
    base = pathlib.Path(named) if named else pathlib.Path.home() / ".cache"
    folder = base / "falcon-e2e"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def run(words: list[str], environment: dict[str, str] | None = None) -> str:
    """Output of a command of the harness; what it said is in the error if it fails."""
    done = subprocess.run(words, capture_output=True, text=True, env={**os.environ, **(environment or {})}, cwd=ROOT)
    if done.returncode != 0:
        raise RuntimeError(
            f"{shlex.join(words)} ended with {done.returncode}:\n{done.stdout[-3000:]}{done.stderr[-3000:]}"
        )
    return done.stdout


def _kind_works() -> bool:
    if shutil.which("kind") is None or shutil.which("docker") is None:
        return False
    return subprocess.run(["docker", "info"], capture_output=True).returncode == 0


def on_node(node: str, *words: str) -> list[str] | None:
    """A command that runs as a process of this node itself, outside of any pod; None where that cannot be had."""
    prefix = os.environ.get("FALCON_E2E_NODE_EXEC")
    if prefix is None and not os.environ.get("FALCON_E2E_KUBECONFIG"):
        prefix = "docker exec {node}"
    return [*(word.replace("{node}", node) for word in shlex.split(prefix)), *words] if prefix else None
