"""docs/features.md names tests that exist."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[3]


def test_every_row_names_a_test_that_there_is():
    rows = [line for line in (ROOT / "docs" / "features.md").read_text().splitlines() if line.startswith("| ")]
    rows = [row for row in rows if not row.startswith("| feature |")]
    assert len(rows) > 20
    for row in rows:
        named = re.findall(r"[\w/]+/test_\w+\.py", row.rsplit(" | ", 1)[1])
        assert named, f"no test: {row}"
        for name in named:
            assert (ROOT / "tests" / name).is_file(), name
