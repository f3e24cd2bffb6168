"""The hub's directory: made when absent, for its owner alone; and two hubs never share an SQLite file.

Two hubs on one PostgreSQL database have a directory each, and agree on who sends (`store.leading`).
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator

from falcon_hub.settings import model


class Refusal(Exception):
    """Cannot start; the text says why and what to do."""


@contextlib.contextmanager
def only_one(settings: model.Settings) -> Iterator[None]:
    """Holds the directory. Raises Refusal when it cannot be made or another hub holds it."""
    directory = settings.data_dir
    try:
        os.makedirs(directory, mode=0o700, exist_ok=True)
        handle = os.open(os.path.join(directory, "hub.lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise Refusal(f"data_dir {directory} cannot be used: {error.strerror}; give another with data_dir") from None
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise Refusal(f"another falcon-hub runs with data_dir {directory}") from None
        yield
    finally:
        os.close(handle)


def absent(path: str) -> bool:
    return not os.path.exists(path)
