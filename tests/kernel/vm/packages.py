"""Debian's kernels, fetched and unpacked into a cache and never installed.

apt does the fetching and checks signatures, with lists of its own, so that the machine's own sources stay as they
are. What is in the cache is not asked for again: remove the directory to get newer ones.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

CACHE = Path(os.environ.get("FALCON_KERNELS_CACHE") or "/var/cache/falcon-kernels")
MIRROR = "http://deb.debian.org/debian"
SUITES = ("bookworm", "trixie", "sid")
"""6.1, 6.12 and the newest there is."""
ARCHITECTURE = "amd64"


@dataclass(frozen=True, slots=True)
class Kernel:
    """An unpacked kernel. release: as `uname -r` says it. modules: its directory below /lib/modules."""

    suite: str
    release: str
    image: Path
    modules: Path


def kernel(suite: str) -> Kernel:
    """The kernel of a suite, from the cache or fetched. Raises subprocess.CalledProcessError when apt can't."""
    root = CACHE / suite
    if not root.exists():
        _fetch(suite, root)
    modules = next((root / "usr/lib/modules").iterdir())
    image = next(path for path in (root / "boot" / f"vmlinuz-{modules.name}", modules / "vmlinuz") if path.exists())
    return Kernel(suite, modules.name, image, modules)


def _fetch(suite: str, root: Path) -> None:
    """Everything into a directory beside it first, so that what is there is whole."""
    work, unpacked = CACHE / f"{suite}.apt", CACHE / f"{suite}.new"
    for old in (work, unpacked):
        shutil.rmtree(old, ignore_errors=True)
    for directory in ("lists/partial", "archives/partial"):
        (work / directory).mkdir(parents=True)
    (work / "sources.list").write_text(f"deb {MIRROR} {suite} main\n")
    _apt(work, "apt-get", "-qq", "update")
    for package in _packages(work):
        _apt(work, "apt-get", "-qq", "download", package)
    # The modules of older packages lie in /lib, of newer ones in /usr/lib.
    (unpacked / "usr/lib").mkdir(parents=True)
    (unpacked / "lib").symlink_to("usr/lib")
    for archive in work.glob("*.deb"):
        with subprocess.Popen(["dpkg-deb", "--fsys-tarfile", archive], stdout=subprocess.PIPE) as tar:
            extract: list[str | Path] = ["tar", "--extract", "--keep-directory-symlink", "--directory", unpacked]
            subprocess.run(extract, stdin=tar.stdout, check=True)
    release = next((unpacked / "usr/lib/modules").iterdir()).name
    subprocess.run(["depmod", "--basedir", unpacked, release], check=True)
    unpacked.rename(root)
    shutil.rmtree(work)


def _packages(work: Path) -> list[str]:
    """What the suite's kernel consists of: one package, or since 7.0 one for the image and one for the modules."""
    image = _depends(work, f"linux-image-{ARCHITECTURE}", "linux-image-")[0]
    return [image, *_depends(work, image, "linux-binary-", "linux-modules-")]


def _depends(work: Path, package: str, *starts: str) -> list[str]:
    listed = _apt(work, "apt-cache", "depends", "--important", package)
    names = [line.split()[-1] for line in listed.splitlines() if "Depends:" in line]
    return [name for name in names if name.startswith(starts)]


def _apt(work: Path, program: str, *arguments: str) -> str:
    options = {
        "Dir::Etc::SourceList": work / "sources.list",
        "Dir::Etc::SourceParts": "/dev/null",
        "Dir::State::Lists": work / "lists",
        "Dir::Cache": work,
        "Acquire::Languages": "none",
        "APT::Sandbox::User": "root",
    }
    command = [program, *(word for key, value in options.items() for word in ("-o", f"{key}={value}")), *arguments]
    return subprocess.run(command, cwd=work, check=True, stdout=subprocess.PIPE, text=True).stdout
