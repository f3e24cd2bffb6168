"""What ends a command: one clear line on standard error, and exit code 1 or another."""

from __future__ import annotations


class Failure(Exception):
    """The text says what is wrong and what to do. code: the exit code."""

    def __init__(self, text: str, code: int = 1) -> None:
        super().__init__(text)
        self.code = code
