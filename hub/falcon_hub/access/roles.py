"""The two roles."""

from __future__ import annotations

from typing import Final

VIEWER: Final = "viewer"
ADMIN: Final = "admin"
ALL: Final = (VIEWER, ADMIN)


def allows(has: str, needed: str) -> bool:
    """An admin may do what a viewer may."""
    return has in (ADMIN, needed)
