"""The sensor's side of its agent: starts it, keeps it alive, takes what it brings.

    agent -> reader thread -> pods: at once into `state.pods`, where the consumer and the fields find them
                           -> bundles: into a queue, and the main thread is woken, which alone changes rules
                           -> questions: answered here, from numbers others only ever count up

The thread mostly waits, so it costs the consumer nothing.
"""

from __future__ import annotations

import collections
import dataclasses
import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib import metadata
from typing import Any

from falcon_sensor.api import health
from falcon_sensor.api.refusals import Reason
from falcon_sensor.app import frames
from falcon_sensor.outputs import base, companion
from falcon_sensor.pipeline import ownership
from falcon_sensor.settings import model
from falcon_sensor.state import pods

_AGAIN_SECONDS = (0.1, 1.0, 5.0, 15.0)
"""Before another agent is started, growing while none of them lives long."""
_LONG_SECONDS = 60.0
_SEND_SECONDS = 5
"""An agent that hangs must not make the main thread hang."""


@dataclass(frozen=True, slots=True)
class About:
    """As `api.server.About`, which this process does without: it would import a web server."""

    node: str
    version: str
    kernel: str


@dataclass(frozen=True, slots=True)
class Force:
    """What is in force. digest: ``sha256:...``, empty for nothing. rule_errors: (uid, reason)."""

    digest: str = ""
    revision: int = 0
    rule_errors: tuple[tuple[str, str], ...] = ()


class _Agent(companion.Companion):
    def __init__(self) -> None:
        super().__init__("falcon_sensor.app.agent", _SEND_SECONDS)

    def send(self, kind: str, fields: dict[str, Any]) -> None:
        """To one that has ended, nothing is sent; one that does not read what it is sent is ended."""
        self.write(frames.encode(kind, fields))


@dataclass(frozen=True, slots=True)
class Push:
    """A bundle that waits to be put in force. Exactly one of the methods is to be called."""

    digest: str
    packed: bytes
    _agent: _Agent
    _number: int

    def done(self) -> None:
        self._agent.send("done", {"id": self._number})

    def refuse(self, status: int, reason: Reason, text: str, revision: int | None = None) -> None:
        fields = {"id": self._number, "status": status, "reason": str(reason), "error": text, "revision": revision}
        self._agent.send("done", fields)


class Node:
    """wake: has the main thread look for `pushes`. ask: how the sensor is, from any thread."""

    def __init__(
        self, settings: model.Cluster, about: About, wake: Callable[[], None], ask: Callable[[], health.Health]
    ) -> None:
        self.pods = pods.Pods()
        self._settings = settings
        self._about = about
        self._wake = wake
        self._ask = ask
        self._pushes: collections.deque[Push] = collections.deque()
        self._force = Force()
        self._ending = threading.Event()
        self._agent = _Agent()
        self._thread = threading.Thread(target=self._run, name="agent", daemon=True)

    def owner(self, state: ownership.State) -> ownership.Owner:
        """Decides which events are this node's. `settle` must be called before there are any."""
        return ownership.Owner(state, self.pods, None)

    def settle(self, owner: ownership.Owner, host_net_ns: int | None) -> None:
        """Finds out whether the kernel is this node's alone. host_net_ns: init's, None while it is not known."""
        found = network_namespace(self._settings.shared_kernel, host_net_ns)
        if found is not None and owner.node_net_ns is None:
            base.say("other nodes run on this kernel: telling of this node's pods and network namespace alone")
        owner.node_net_ns = found

    def start(self) -> None:
        self._greet()
        self._thread.start()

    def pushes(self) -> collections.deque[Push]:
        """Those that wait; taken from the left by the main thread."""
        return self._pushes

    @property
    def in_force(self) -> Force:
        return self._force

    def force(self, found: Force) -> None:
        """This is in force from now on."""
        self._force = found
        self._tell_force()

    def close(self) -> None:
        self._ending.set()
        self._agent.end()
        if self._thread.is_alive():
            self._thread.join(1.0)

    def _greet(self) -> None:
        setup = {"settings": dataclasses.asdict(self._settings), "about": dataclasses.asdict(self._about)}
        self._agent.send("setup", setup)
        self._tell_force()

    def _tell_force(self) -> None:
        self._agent.send("force", dataclasses.asdict(self._force))

    def _run(self) -> None:
        failures = 0
        while not self._ending.is_set():
            began = time.monotonic()
            self._listen()
            if self._ending.is_set():
                return
            code = self._agent.end()
            failures = 0 if time.monotonic() - began > _LONG_SECONDS else failures + 1
            base.say(f"the process that talks to the cluster ended with {code}; starting another one")
            if self._ending.wait(_AGAIN_SECONDS[min(failures, len(_AGAIN_SECONDS) - 1)]):
                return
            self._agent = _Agent()
            self._greet()

    def _listen(self) -> None:
        """Until the agent ends."""
        agent, decoder = self._agent, frames.Decoder()
        try:
            for data in agent.received():
                for frame in decoder.feed(data):
                    self._take(agent, frame)
        except OSError:
            pass
        except Exception as error:  # whatever it says, the next agent may say it better
            base.say(f"what the agent says makes no sense, please report this: {type(error).__name__}: {error}")

    def _take(self, agent: _Agent, frame: frames.Frame) -> None:
        fields = frame.fields
        match frame.kind:
            case "pods":
                self.pods.replace(map(pods.read, fields["items"]))
            case "pod":
                self.pods.put(pods.read(fields["item"]))
            case "gone":
                self.pods.remove(fields["uid"].encode())
            case "bundle":
                self._pushes.append(Push(fields["digest"], frame.body, agent, fields["id"]))
                self._wake()
            case "ask":
                agent.send("health", {"id": fields["id"], "health": self._ask().plain()})


def about(name: str) -> About:
    """name: the node's."""
    return About(name, metadata.version("falcon-k8s"), os.uname().release)


def network_namespace(wanted: str, host: int | None) -> int | None:
    """Inode of our network namespace if this kernel has other nodes as well, else None.

    wanted: the setting `shared_kernel`. host: init's network namespace, None while it is not known.
    """
    own = os.stat("/proc/self/ns/net").st_ino
    if wanted == "auto":
        return own if host not in (None, own) else None
    return own if wanted == "yes" else None
