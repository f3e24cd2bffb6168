"""Sets of rules of any size, made by variation: what grows is what real sets have, and half of it is about opens.

The variants match nothing that the workloads do, as published rules hardly ever match; but their lists are about
the same events, so that every one of them has to be decided against.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import yaml

CANARY = "Canary of the benchmark"
UPDATED = "Canary of an updated rule"

_TEMPLATES = (
    "evt.type in (open, openat, openat2) and evt.is_open_read=true and fd.name startswith /srv/data-{n}/ "
    "and not proc.name in (backup-{n}, rsync-{n})",
    "evt.type in (execve, execveat) and evt.dir=< and proc.name in (tool-{n}, tool-{n}-helper) "
    "and container.id != host",
    "evt.type in (open, openat, openat2) and evt.is_open_write=true and "
    "fd.name in (/etc/app-{n}.conf, /etc/app-{n}.d/x) and not proc.pname = configure-{n}",
    "evt.type = connect and evt.dir=< and fd.sport = {port} and fd.sip = 192.0.2.{byte} and not proc.name = client-{n}",
    "evt.type in (open, openat, openat2) and evt.is_open_read=true and container.id != host "
    "and fd.name endswith /secret-{n}.pem",
    "evt.type in (unlink, unlinkat, rename, renameat, renameat2) and fs.path.name startswith /var/app-{n}/ "
    "and proc.name = cleaner-{n}",
    "evt.type in (open, openat, openat2) and fd.directory = /opt/app-{n}/keys and not user.name = app{n}",
    "evt.type in (execve, execveat) and evt.dir=< and proc.cmdline contains --unsafe-{n} and proc.pname = job-{n}",
)


def canary_item(name: str, path: Path) -> dict[str, object]:
    """A rule that holds when this file is opened; `act` on it."""
    return {
        "rule": name,
        "desc": "tells that the sensor sees",
        "condition": f"evt.type in (open, openat, openat2) and fd.name = {path}",
        "output": "%fd.name",
        "priority": "CRITICAL",
    }


def variants(count: int) -> Iterator[dict[str, object]]:
    for n in range(count):
        template = _TEMPLATES[n % len(_TEMPLATES)]
        yield {
            "rule": f"Variant {n}",
            "desc": "one of many",
            "condition": template.format(n=n, port=10_000 + n % 50_000, byte=1 + n % 250),
            "output": "%proc.name",
            "priority": "DEBUG",
        }


class Rules:
    """Files for a sensor: `base` and, in a directory of this run, the canary's rule and as many variants as it takes.

    size: rules altogether; what `base` has alone where that is more. base: Falco rule files.
    """

    def __init__(self, directory: Path, base: list[Path], size: int | None = None) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self.base = base
        self.canary = directory / "opened-by-the-benchmark"
        self.updated = directory / "opened-after-an-update"
        self._own = directory / "own.yaml"
        items = [canary_item(CANARY, self.canary)]
        own = sum(_count(path) for each in base for path in _files(each))
        items += variants(max(0, (size or 0) - own - len(items)))
        self._items = items
        self.size = own + len(items)
        self._write(items)

    @property
    def files(self) -> list[Path]:
        return [*self.base, self._own]

    def update(self) -> None:
        """Changes the rules on disk: one more, for an act that meant nothing so far."""
        self._write([*self._items, canary_item(UPDATED, self.updated)])

    def restore(self) -> None:
        """As they were before `update`."""
        self._write(self._items)

    def _write(self, items: list[dict[str, object]]) -> None:
        self._own.write_text(yaml.safe_dump(items, width=10_000, sort_keys=False))


def _files(path: Path) -> list[Path]:
    return sorted(path.glob("*.yaml")) if path.is_dir() else [path]


def _count(path: Path) -> int:
    # BaseLoader leaves scalars as they are written, as the language wants them.
    items = yaml.load(path.read_text(), Loader=yaml.BaseLoader)
    return sum(1 for item in items if "rule" in item and "condition" in item and item.get("enabled", "true") == "true")
