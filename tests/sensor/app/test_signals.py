"""Stop signals end a start at once and a running sensor in order; further ones change nothing."""

from __future__ import annotations

import subprocess
import sys

import pytest

# In a process of its own: handlers belong to a whole process, and tests share theirs.
PROGRAM = """
import os, signal, sys
from falcon_sensor.app import signals
caught = signals.Signals()
def send(name): os.kill(os.getpid(), signal.Signals[name])
{body}
"""


def outcome(body: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(body=body)], capture_output=True, text=True, timeout=30, check=False
    )
    assert done.stderr == ""
    return done.stdout.strip()


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
def test_a_stop_signal_while_starting_interrupts(name):
    body = f"try: send({name!r})\nexcept signals.Stopped: print('stopped')"
    assert outcome(body) == "stopped"


def test_a_second_one_while_cleaning_up_does_not_interrupt_again():
    body = "try: send('SIGINT')\nexcept signals.Stopped:\n  send('SIGINT')\n  send('SIGTERM')\n  print('cleaned up')"
    assert outcome(body) == "cleaned up"


def test_while_running_signals_are_what_wait_returns():
    body = "caught.started()\nsend('SIGTERM')\nprint([each.name for each in caught.wait(10)])"
    assert outcome(body) == "['SIGTERM']"


def test_a_hangup_while_starting_is_kept_for_later():
    body = "send('SIGHUP')\ncaught.started()\nprint([each.name for each in caught.wait(10)])"
    assert outcome(body) == "['SIGHUP']"


def test_waiting_ends_by_itself():
    assert outcome("caught.started()\nprint(caught.wait(0.01))") == "set()"
