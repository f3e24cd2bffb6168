"""Passwords and tokens in settings: given as text, in a file or in an environment variable; shown nowhere."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from pydantic import GetCoreSchemaHandler
from pydantic_core import core_schema


class Unreadable(ValueError):
    """A secret's file or variable is not there; the text names it."""


class Secret:
    """A text that never shows itself. From a file it is read anew when the file changes, so that a rotated Kubernetes
    Secret counts without a restart."""

    def __init__(self, value: str | None = None, path: str | None = None) -> None:
        self._value, self._path = value, path
        self._stamp: tuple[int, int, int] | None = None
        if path is not None:
            self.reveal()

    def reveal(self) -> str:
        """The secret. A file that has gone since leaves what was read last."""
        if self._path is not None:
            self._read(Path(self._path))
        if self._value is None:
            raise Unreadable("the secret is empty")
        return self._value

    def _read(self, path: Path) -> None:
        try:
            found = path.stat()
            stamp = (found.st_mtime_ns, found.st_size, found.st_ino)
            if stamp == self._stamp:
                return
            text = path.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            if self._value is not None:
                return
            reason = error.strerror if isinstance(error, OSError) else "not UTF-8"
            raise Unreadable(f"cannot read {path}: {reason}") from None
        if not text and self._value is None:
            raise Unreadable(f"{path} is empty")
        if text:
            self._value, self._stamp = text, stamp

    @classmethod
    def from_environment(cls, name: str) -> Secret:
        value = os.environ.get(name, "").strip()
        if not value:
            raise Unreadable(f"the environment has no {name}")
        return cls(value)

    def __repr__(self) -> str:
        return "Secret(***)"

    __str__ = __repr__

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        """A text becomes a Secret; `model.Section` makes the others before. Errors do not repeat the text."""

        def check(value: Any) -> Secret:
            if isinstance(value, Secret):
                return value
            if isinstance(value, str) and value.strip():
                return cls(value.strip())
            raise ValueError("must be text and not empty")

        return core_schema.no_info_plain_validator_function(
            check, serialization=core_schema.plain_serializer_function_ser_schema(lambda _: "***")
        )
