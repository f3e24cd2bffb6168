"""A sensor that is quicker to judge itself, and has an enemy inside.

    python -m tests.sensor.app.support.sabotaged run -r rules.yaml ...

SIGUSR2 has the enemy close the links of the probes, as a debugger would from outside. Bounds are shorter than the real
ones, so that nobody has to wait for them.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time

from falcon_sensor.app import selfwatch
from falcon_sensor.cli import main
from falcon_sensor.pipeline import canary


def close_links() -> None:
    for name in os.listdir("/proc/self/fd"):
        try:
            if os.readlink(f"/proc/self/fd/{name}") in ("anon_inode:bpf_link", "anon_inode:bpf-link"):
                os.close(int(name))
        except OSError:
            continue


def tell() -> None:
    """Says on standard error which thread is the consumer's: Python does not tell the kernel its threads' names."""
    while not (found := [each for each in threading.enumerate() if each.name == "consumer"]):
        time.sleep(0.01)
    sys.stderr.write(f"consumer: {found[0].native_id}\n")


def wait() -> None:
    while True:
        signal.sigwait({signal.SIGUSR2})
        close_links()


if __name__ == "__main__":
    selfwatch.PAUSED_SECONDS = 1.5  # type: ignore[misc]
    canary.BOUND_SECONDS = 3.0  # type: ignore[misc]
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR2})
    for enemy in (wait, tell):
        threading.Thread(target=enemy, daemon=True).start()
    sys.exit(main.main(sys.argv[1:]))
