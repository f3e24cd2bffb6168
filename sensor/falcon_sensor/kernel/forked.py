"""One function, several items, a forked process for each: what compiles uses all CPUs, and its memory goes with it."""

from __future__ import annotations

import os
import select
import signal
from collections.abc import Callable, Sequence
from typing import Final, NoReturn, TypeVar

Item = TypeVar("Item")

_FAILED: Final = 1


class Failed(Exception):
    """What the function raised, or how the process ended without."""


def each(work: Callable[[Item], bytes], items: Sequence[Item]) -> list[bytes]:
    """What `work` gives for each item, as many at once as there are CPUs for us. The caller must have no other threads.
    Raises Failed, with the text of the first exception, and then all others are ended."""
    at_once = len(os.sched_getaffinity(0))
    answers = [os.memfd_create("falcon-answer") for _ in items]
    waiting, running = list(range(len(items))), dict[int, tuple[int, int]]()
    try:
        while waiting or running:
            while waiting and len(running) < at_once:
                number = waiting.pop(0)
                process = _start(work, items[number], answers[number])
                running[os.pidfd_open(process)] = (process, number)
            for ended in select.select(list(running), (), ())[0]:
                process, number = running.pop(ended)
                os.close(ended)
                code = os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
                if code:
                    raise Failed(_read(answers[number]).decode() or f"a process ended with {code}")
        return list(map(_read, answers))
    finally:
        for descriptor, (process, _) in running.items():
            os.kill(process, signal.SIGKILL)
            os.waitpid(process, 0)
            os.close(descriptor)
        for descriptor in answers:
            os.close(descriptor)


def _start(work: Callable[[Item], bytes], item: Item, answer: int) -> int:
    return os.fork() or _work(work, item, answer)


def _work(work: Callable[[Item], bytes], item: Item, answer: int) -> NoReturn:
    """Never returns into the code that is the parent's to run."""
    status = _FAILED
    try:
        try:
            result, ended = work(item), 0
        except Exception as error:
            result, ended = str(error).encode(), _FAILED
        with open(answer, "wb", closefd=False) as file:
            file.write(result)
        status = ended
    finally:
        os._exit(status)


def _read(answer: int) -> bytes:
    with open(answer, "rb", closefd=False) as file:
        file.seek(0)
        return file.read()
