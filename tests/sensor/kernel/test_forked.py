"""One function for several items in forked processes: in order, and none is left behind."""

from __future__ import annotations

import subprocess
import sys

BEGIN = """
import os, signal, sys, time
from falcon_sensor.kernel import forked

def answer(work, items):
    try:
        print(forked.each(work, items))
    except forked.Failed as error:
        print("failed:", error)
    try:
        os.waitpid(-1, 0)
    except ChildProcessError:
        print("no children")

"""


def run(script: str) -> list[str]:
    """A process of its own: what forks must have no other threads."""
    done = subprocess.run([sys.executable, "-c", BEGIN + script], capture_output=True, text=True, check=True)
    assert done.stderr == ""
    return done.stdout.splitlines()


def test_answers_are_in_order_and_large_ones_whole():
    script = "answer(lambda item: b'%d' % item * 100_000, range(7))\n"
    expected = [str(item).encode() * 100_000 for item in range(7)]
    assert run(script) == [str(expected), "no children"]


def test_each_item_has_a_process():
    first, _ = run(
        "print(len(set(forked.each(lambda item: b'%d' % os.getpid(), range(5))) - {b'%d' % os.getpid()}))\nprint()"
    )
    assert first == "5"


def test_nothing_to_do():
    assert run("answer(bytes, [])") == ["[]", "no children"]


def test_the_first_failure_is_told_and_ends_the_others():
    # The other one never ends by itself.
    script = """
def work(item):
    if item:
        raise ValueError(f"no such item: {item}")
    signal.pause()

forked.os.sched_getaffinity = lambda process: {0, 1}
answer(work, [0, 1])
"""
    assert run(script) == ["failed: no such item: 1", "no children"]


def test_a_process_that_is_killed_is_told():
    assert run("answer(lambda item: os.kill(os.getpid(), signal.SIGKILL), [1])") == [
        "failed: a process ended with -9",
        "no children",
    ]


def test_no_more_at_once_than_there_are_cpus():
    # With one CPU the second begins when the first has ended, so it finds what that one left behind.
    script = """
forked.os.sched_getaffinity = lambda process: {0}
read, write = os.pipe()
os.set_blocking(read, False)

def work(item):
    if item:
        return os.read(read, 1)
    os.write(write, b"x")
    return b""

answer(work, [0, 1])
"""
    assert run(script) == ["[b'', b'x']", "no children"]
