"""The two programs that scenarios are acted with, compiled once, and copies of them under any name."""

from __future__ import annotations

import pathlib
import shutil
import subprocess

SOURCES = pathlib.Path(__file__).parent


class Programs:
    """act: does as its arguments say. nothing: only runs. Both static, so that they work in any container."""

    def __init__(self, directory: pathlib.Path) -> None:
        self._directory = directory
        self.act = self._compile("act")
        self.nothing = self._compile("nothing")

    def act_as(self, name: str) -> str:
        """Path of a copy of act, so that the kernel calls its process `name`."""
        return self._copy(self.act, "acting", name)

    def nothing_as(self, name: str) -> str:
        return self._copy(self.nothing, "idle", name)

    def _compile(self, name: str) -> pathlib.Path:
        target = self._directory / name
        command = ["gcc", "-Wall", "-Wextra", "-Werror", "-O1", "-static", "-o", str(target), f"{SOURCES}/{name}.c"]
        subprocess.run([*command, "-lutil"], check=True)
        return target

    def _copy(self, program: pathlib.Path, folder: str, name: str) -> str:
        target = self._directory / folder / name
        if not target.exists():
            target.parent.mkdir(exist_ok=True)
            shutil.copy(program, target)
        return str(target)
