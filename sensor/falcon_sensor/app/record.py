"""`falcon-sensor record`: writes down what the kernel ships and what is known about it, until told to stop.

    plan (of the rules given, or everything) -> probes -> ring -> consumer -> recording.file.Writer

The consumer is the sensor's own; where it has an engine otherwise, the recording is written.
"""

from __future__ import annotations

import contextlib
import os
import time
from dataclasses import dataclass

from falcon_sensor import alerts
from falcon_sensor.app import prepare, rulefiles, signals, terminal, working
from falcon_sensor.kernel import probes
from falcon_sensor.kernel.plan import build, contract
from falcon_sensor.outputs import base
from falcon_sensor.pipeline import consumer, generation
from falcon_sensor.recording import file
from falcon_sensor.state import clock, view

RING_BYTES = 1 << 26
"""64 MiB: writing takes longer than judging, and a recording of everything comes in bursts."""


@dataclass(frozen=True, slots=True)
class Request:
    """output: the file. rules: record only what these could want to see; empty for everything. duration: seconds."""

    output: str
    rules: tuple[str, ...] = ()
    duration: float | None = None


def run(request: Request) -> int:
    """Records until told to stop. Returns the exit code: 0, or 1 with the reason on standard error."""
    caught = signals.Signals()
    try:
        plan = build.build(rulefiles.compiled(request.rules)) if request.rules else _everything()
        working.must_be_allowed()
        with contextlib.ExitStack() as stack:
            return _record(request, plan, caught, stack)
    except prepare.Failed as error:
        terminal.report(error)
    except probes.ProbeError as error:
        base.say(str(error))
    except OSError as error:
        base.say(f"cannot write {request.output}: {error.strerror or error}")
    except signals.Stopped:
        base.say("stopped before anything was recorded")
    return 1


def _everything() -> contract.Plan:
    return contract.Plan.everything(failed_execs=True)


def _record(request: Request, plan: contract.Plan, caught: signals.Signals, stack: contextlib.ExitStack) -> int:
    state = view.State()
    system = os.uname()
    # First, because it may fail, and loading takes seconds.
    writer = file.Writer(request.output, file.Header(system.nodename, system.release, clock.boot_offset()), state)
    try:
        attached = stack.enter_context(probes.load(plan, RING_BYTES))
    except BaseException:
        os.unlink(request.output)
        raise
    state.scan()
    source = generation.Generation(attached.ring, attached.ring_fd, writer)
    consuming = consumer.Consumer(source, state, _nothing_to_deliver, base.say)
    caught.started()
    consuming.start()
    base.say(f"recording to {request.output}; stop with Ctrl-C")
    _wait(caught, request.duration)
    attached.detach()
    if not _drained(attached, caught):
        consuming.stop()
        writer.close(lost=None)
        base.say(f"recorded {writer.events} events; stopped before the last of them were written")
        return 0
    consuming.stop()
    lost = sum(counters.dropped for counters in attached.counters().values()) + attached.missed() + consuming.failures
    writer.close(lost)
    base.say(f"recorded {writer.events} events, {lost} lost")
    return 0


def _nothing_to_deliver(alert: alerts.Alert) -> None:
    """The writer has no alerts."""


def _wait(caught: signals.Signals, duration: float | None) -> None:
    end = time.monotonic() + duration if duration is not None else float("inf")
    while (left := end - time.monotonic()) > 0:
        if caught.wait(min(left, 3600.0)) & signals.STOP:
            return


def _drained(attached: probes.Probes, caught: signals.Signals) -> bool:
    """Waits until everything that happened before the end is written, or a second signal says that it need not be."""
    while attached.ring.backlog:
        if caught.wait(0.05) & signals.STOP:
            return False
    return True
