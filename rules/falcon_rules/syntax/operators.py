"""The operators by kind, for those that build or judge conditions without the grammar."""

from __future__ import annotations

ORDERING = frozenset({"<", "<=", ">", ">="})
TESTS = frozenset(
    {
        *("=", "==", "!=", "glob", "iglob", "contains", "icontains", "bcontains"),
        *("startswith", "bstartswith", "endswith", "regex"),
    }
)
"""Compare with one value, and may carry a modifier."""
MODIFIED = frozenset(f"{test} {modifier}" for test in TESTS for modifier in ("oneof", "anyof", "allof"))
MEMBERSHIP = frozenset({"in", "intersects", "pmatch"})
LISTED = MEMBERSHIP | MODIFIED
"""Have a list on their right."""
ALL = ORDERING | TESTS | LISTED | {"exists"}
