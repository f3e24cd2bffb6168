"""`falcon-operator crds`: the custom resource definitions as files."""

from __future__ import annotations

import sys
from pathlib import Path

from falcon_rules import crds


def write(folder: str | None) -> int:
    """Into `folder`, which is made if need be, or to stdout. The exit code."""
    files = crds.files()
    if folder is None:
        sys.stdout.write("---\n".join(files.values()))
        return 0
    try:
        target = Path(folder)
        target.mkdir(parents=True, exist_ok=True)
        for name, text in files.items():
            (target / name).write_text(text, encoding="utf-8")
    except OSError as error:
        print(f"falcon-operator: cannot write to {folder}: {error.strerror}", file=sys.stderr)
        return 1
    return 0
