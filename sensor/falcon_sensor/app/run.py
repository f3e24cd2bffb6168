"""One run of the sensor, from the command line's wishes to the summary.

start the process that compiles ----> import, meanwhile, what the sensor is made of
  its bundle and plan arrive    ----> main thread: the loader attaches the probes (most of the time)
                                      helper thread: the bundle becomes Python
  probes attached               ----> look at the processes there are, start the consumer
  once a second                 ----> did the kernel drop events?
  SIGTERM, Ctrl-C, --duration   ----> evaluate what is there, summary, let outputs finish
"""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass

from falcon_sensor.app import memory, prepare, signals, terminal
from falcon_sensor.outputs import base


@dataclass(frozen=True, slots=True)
class Request:
    """What the command line asks for. duration: seconds, None for no end."""

    rules: tuple[str, ...] = ()
    config: str | None = None
    options: tuple[str, ...] = ()
    json: bool = False
    duration: float | None = None


def run(request: Request) -> int:
    """Watches until told to stop. Returns the exit code: 0, or 1 with the reason on standard error."""
    began = time.monotonic()
    caught = signals.Signals()

    def compiling() -> prepare.Process:
        return prepare.Process(request.config, request.options, request.rules, json=request.json)

    try:
        with contextlib.ExitStack() as stack:
            with memory.uncollected(), compiling() as process:
                # Imported while the other processes work: half of their time, and all of it on another core.
                from falcon_sensor.app import sensor

                with sensor.loading() as child:
                    prepared = process.result()
                    terminal.warn(prepared.warnings)
                    running = sensor.Sensor(prepared, stack, compiling, caught.wake)
                    running.start(prepared, child)
            caught.started()
            base.say(f"{running.describe()}, ready in {time.monotonic() - began:.1f} s; stop with Ctrl-C")
            return running.watch(caught, request.duration)
    except prepare.Failed as error:
        terminal.report(error)
        return 1
    except signals.Stopped:
        base.say("stopped before it was ready")
        return 0
