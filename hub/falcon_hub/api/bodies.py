"""The alerts in a request's body: one JSON object, an array, or an object a line. All of them or an error that says
which one is wrong, so that a sender can halve its batch until the one at fault is alone."""

from __future__ import annotations

import json
import zlib
from typing import Any, NoReturn

from falcon_hub import alerts


class BadBody(ValueError):
    """For the sender: what is wrong, and where."""


class TooMany(ValueError):
    """More alerts, or more bytes, than one request may have."""


_WINDOW = zlib.MAX_WBITS | 32
"""Finds out by itself whether it is gzip or zlib's own form (`deflate`)."""


def unpacked(body: bytes, encoding: str, most: int) -> bytes:
    """The body without its Content-Encoding. Raises BadBody, TooMany, the latter before it grows larger than `most`."""
    if encoding.lower() in ("", "identity"):
        return body
    if encoding.lower() not in ("gzip", "x-gzip", "deflate"):
        raise BadBody(f"Content-Encoding {encoding[:40]!r} is not known here; gzip and deflate are")
    unpacker = zlib.decompressobj(_WINDOW)
    try:
        found = unpacker.decompress(body, most + 1)
    except zlib.error as error:
        raise BadBody(f"the body is not {encoding}: {error}") from None
    if len(found) > most:
        raise TooMany(f"the body has more than {most} bytes when unpacked")
    if not unpacker.eof:
        raise BadBody(f"the {encoding} body ends too early")
    return found


def parse(body: bytes, most: int) -> list[alerts.Alert]:
    """Raises BadBody, TooMany."""
    try:
        documents = _documents(body.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise BadBody(f"the body is not UTF-8 (byte {error.start})") from None
    except RecursionError:
        raise BadBody("the JSON is nested too deeply") from None
    if len(documents) > most:
        raise TooMany(f"{len(documents)} alerts in one request; at most {most}")
    found = []
    for index, document in enumerate(documents):
        try:
            found.append(alerts.parse(document))
        except alerts.Invalid as error:
            where = f"alert {index}: " if len(documents) > 1 else ""
            raise BadBody(f"{where}{error}") from None
        except RecursionError:
            raise BadBody(f"alert {index}: nested too deeply") from None
    return found


def _documents(text: str) -> list[Any]:
    try:
        document = _loads(text)
    except json.JSONDecodeError as error:
        if error.msg != "Extra data":
            raise BadBody(f"not JSON: {error.msg} at line {error.lineno}, column {error.colno}") from None
        return _lines(text)
    return document if isinstance(document, list) else [document]


def _lines(text: str) -> list[Any]:
    documents = []
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            try:
                documents.append(_loads(line))
            except json.JSONDecodeError as error:
                raise BadBody(f"line {number} is not JSON: {error.msg} at column {error.colno}") from None
    return documents


def _loads(text: str) -> Any:
    return json.loads(text, parse_constant=_not_json)


def _not_json(text: str) -> NoReturn:
    raise BadBody(f"not JSON: {text} is no JSON value")
