"""The images under test: built from the Dockerfile once for each state of what goes into them."""

from __future__ import annotations

import functools
import hashlib
import os
import pathlib
import shutil

from tests.e2e.cluster.support import access

TARGETS = ("operator", "sensor", "hub")
_SOURCES = ("Dockerfile", "pyproject.toml", "README.md", "LICENSE", "requirements", "scripts/image", "scripts/web")
_PACKAGES = ("rules/falcon_rules", "operator/falcon_operator", "sensor/falcon_sensor", "hub/falcon_hub", "hub/web")
_MADE = {"__pycache__", "node_modules", "static"}
"""Folders that are made from the others."""
_KEPT = 3
"""States of the sources whose images are kept: a few 100 MB each."""


@functools.cache
def tag() -> str:
    """Names a state of the sources; equal for equal files. Looked at once, whatever is edited meanwhile.

    FALCON_E2E_TAG takes its place: images with that tag are on the nodes, or where nodes can pull them.
    """
    if given := os.environ.get("FALCON_E2E_TAG"):
        return given
    digest = hashlib.sha256(os.environ.get("BASE", "").encode())
    for name in (*_SOURCES, *_PACKAGES):
        top = access.ROOT / name
        for path in sorted([top] if top.is_file() else top.rglob("*")):
            if path.is_file() and not _MADE.intersection(path.parts):
                digest.update(f"{path.relative_to(access.ROOT)}\0{path.stat().st_mode & 0o111}\0".encode())
                digest.update(path.read_bytes())
    return f"e2e-{digest.hexdigest()[:16]}"


def archives() -> list[pathlib.Path]:
    """Archives of all images to load, built if they are not kept from before."""
    if os.environ.get("FALCON_E2E_TAG"):
        return []
    folder = access.cache() / tag()
    found = [folder / f"falcon-{target}.tar" for target in TARGETS]
    if not all(path.exists() for path in found):
        # Equal bytes for equal sources, so that nodes need not import what they have.
        given = {"TAG": tag(), "ARCHIVE": str(folder), "SOURCE_DATE_EPOCH": "0"}
        access.run([str(access.ROOT / "scripts" / "image")], given)
        _forget(keep=folder)
    folder.touch()
    return found


def _forget(keep: pathlib.Path) -> None:
    folders = sorted(access.cache().glob("e2e-*"), key=lambda path: path.stat().st_mtime, reverse=True)
    for folder in folders[_KEPT:]:
        if folder != keep:
            shutil.rmtree(folder)
