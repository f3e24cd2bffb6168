"""How the spool writes an alert: ``crc32 milliseconds JSON``, one line, readable by people."""

from __future__ import annotations

import zlib

_CRC_DIGITS = 8
_HEAD = _CRC_DIGITS + 1


def framed(data: bytes, at: float) -> bytes:
    """data: JSON without line ends. at: seconds since the epoch."""
    body = b"%d %s" % (int(at * 1000), data)
    return b"%08x %s\n" % (zlib.crc32(body), body)


def parse(line: bytes) -> tuple[bytes, float] | None:
    """JSON and time of a line without its end; None when it is damaged."""
    body = line[_HEAD:]
    try:
        if int(line[:_CRC_DIGITS], 16) != zlib.crc32(body):
            return None
        milliseconds, _, data = body.partition(b" ")
        return data, int(milliseconds) / 1000
    except ValueError:
        return None
