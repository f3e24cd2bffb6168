"""Log lines for `kubectl logs`: time, level, part of the operator, message; a traceback is indented below."""

from __future__ import annotations

import logging
import sys
import time
from typing import Final

LEVELS: Final = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}


class _Format(logging.Formatter):
    converter = staticmethod(time.gmtime)
    default_msec_format = "%s.%03dZ"
    default_time_format = "%Y-%m-%dT%H:%M:%S"

    def format(self, record: logging.LogRecord) -> str:
        record.part = record.name.removeprefix("falcon_operator.")
        return super().format(record).replace("\n", "\n    ")


def set_up(level: str) -> None:
    """To stderr. What libraries say of their own work is left out unless everything is wanted."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Format("%(asctime)s %(levelname)-7s %(part)s: %(message)s"))
    logging.basicConfig(level=LEVELS[level], handlers=[handler], force=True)
    if level != "debug":
        # kopf logs every attempt that failed and raises in the end; `watch` tells of that.
        logging.getLogger("kopf").setLevel(logging.ERROR)
        logging.getLogger("kopf._cogs.clients").setLevel(logging.CRITICAL)
        logging.getLogger("aiohttp").setLevel(logging.WARNING)
