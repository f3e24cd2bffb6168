"""Control groups with the kubelet's names, without a kubelet: processes in them look like those of pods."""

from __future__ import annotations

import contextlib
import os
import subprocess
import uuid
from pathlib import Path

ROOT = Path("/sys/fs/cgroup")


def hierarchy() -> Path:
    """The unified one where it is the only one, else one of version 1: an early one, since records carry the first
    in which the process is not at the root."""
    return ROOT / "cpu" if (ROOT / "cpu").is_dir() else ROOT


class Cgroups:
    def __init__(self) -> None:
        self._top = hierarchy() / f"falcon-test-{uuid.uuid4().hex[:8]}"
        self._made: list[Path] = []

    def __enter__(self) -> Cgroups:
        return self

    def __exit__(self, *_: object) -> None:
        for path in reversed(self._made):
            with contextlib.suppress(OSError):
                path.rmdir()

    def container(self, pod_uid: str) -> Path:
        """A new container's cgroup in that pod; its id is its name."""
        path = self._top / "kubepods" / "besteffort" / f"pod{pod_uid}" / f"{uuid.uuid4().hex}{uuid.uuid4().hex}"
        for each in [*reversed(path.parents), path]:
            if self._top in (each, *each.parents) and not each.exists():
                each.mkdir()
                self._made.append(each)
        return path

    def run(self, container: Path, *command: str) -> None:
        """Runs a command in the container's cgroup (and, as containers do, in a mount namespace of its own)."""
        subprocess.run(
            ["unshare", "--mount", *command],
            check=True,
            preexec_fn=lambda: (container / "cgroup.procs").write_text(str(os.getpid())) and None,
        )
