"""Names and notes as the API takes them."""

from __future__ import annotations

import hashlib
import re
import unicodedata

REASON_BYTES = 128
NOTE_BYTES = 1024
INSTANCE_BYTES = 128
_NAME_BYTES = 253
_LABEL_BYTES = 63

NAMELESS = "Alert"
"""The reason when a rule's name has no letter or digit that a reason may have."""


def reason(rule: str) -> str:
    """CamelCase of a rule's name: ``Terminal shell in container`` is TerminalShellInContainer."""
    # Accents are taken off rather than the letters that have them.
    plain = unicodedata.normalize("NFKD", rule).encode("ascii", "ignore").decode()
    words = re.findall(r"[A-Za-z0-9]+", "".join(c for c in plain if c not in "'"))
    return "".join(word[0].upper() + word[1:] for word in words)[:REASON_BYTES] or NAMELESS


def note(output: str, limit: int = NOTE_BYTES) -> str:
    """At most `limit` bytes of UTF-8, cut between characters; nothing in it steers a terminal."""
    shown = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in output)
    data = shown.encode()
    return shown if len(data) <= limit else data[: limit - 3].decode("utf-8", "ignore") + "..."


def cut(text: str, limit: int) -> str:
    return text.encode("utf-8", "replace")[:limit].decode("utf-8", "ignore")


def event_name(about: str, uuid: str) -> str:
    """Of the object it is about and the alert's uuid: the same alert never makes two Events."""
    # Hashed, as nothing says in which part of them uuids differ.
    suffix = hashlib.sha256(uuid.encode()).hexdigest()[:16]
    prefix = re.sub("[^a-z0-9.-]", "-", about.lower())[: _NAME_BYTES - 1 - len(suffix)].strip("-.")
    return f"{prefix}.{suffix}" if prefix else suffix


def label(text: str) -> str:
    """A label's value, of a reason."""
    return text[:_LABEL_BYTES]
