"""Which alerts somebody wants to see, or a silence covers: data, and whether an alert fits.

`conditions` says the same in SQL; a test holds the two against each other.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from falcon_hub import alerts
from falcon_hub.store import records

DIMENSIONS: Final = ("rule", "source", "hostname", "namespace", "pod", "container", "image")
"""Of which an alert has at most one value each; `tag` is the one of which it may have several."""

_WORD = re.compile(r"[^\W_]+")


@dataclass(frozen=True, slots=True)
class Filter:
    """Everything given must hold.

    since_ns (inclusive), until_ns (exclusive): when it happened. priorities: any of these numbers; empty: all.
    is_: dimension, or `tag`, to values, any of which will do; is_not: none of which may be there.
    fields, not_fields: members of `output_fields` by name, compared as text (`field_text`).
    text: words, all of which must be found in rule, output, host, tags or the values of fields; a word is found
    where it is the beginning of one (`shad` finds /etc/shadow), without regard to case.
    """

    since_ns: int | None = None
    until_ns: int | None = None
    priorities: frozenset[int] = frozenset()
    is_: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    is_not: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    fields: tuple[tuple[str, str], ...] = ()
    not_fields: tuple[tuple[str, str], ...] = ()
    text: str = ""
    acknowledged: bool | None = None
    silenced: bool | None = None

    def matches(self, stored: records.Stored, now_ns: int) -> bool:
        """now_ns: acknowledgements may have expired by then."""
        alert = stored.alert
        if self.since_ns is not None and alert.time_ns < self.since_ns:
            return False
        if self.until_ns is not None and alert.time_ns >= self.until_ns:
            return False
        if self.priorities and alert.priority not in self.priorities:
            return False
        if not fits(self.is_, alert) or any(values_of(alert, name) & set(self.is_not[name]) for name in self.is_not):
            return False
        if not self._fields_match(alert):
            return False
        if self.acknowledged is not None and acknowledged(stored, now_ns) != self.acknowledged:
            return False
        if self.silenced is not None and (stored.silence is not None) != self.silenced:
            return False
        return not self.text or _found(terms(self.text), alert)

    def _fields_match(self, alert: alerts.Alert) -> bool:
        return all(field_text(alert.fields.get(name)) == value for name, value in self.fields) and not any(
            field_text(alert.fields.get(name)) == value for name, value in self.not_fields
        )


def fits(wanted: Mapping[str, tuple[str, ...]], alert: alerts.Alert) -> bool:
    """Whether each dimension in `wanted` has one of its values."""
    return all(values_of(alert, name) & set(values) for name, values in wanted.items())


def values_of(alert: alerts.Alert, dimension: str) -> set[str]:
    """The values of a dimension or of `tag`."""
    if dimension == "tag":
        return set(alert.tags)
    value = getattr(alert, dimension)
    return set() if value is None else {value}


def acknowledged(stored: records.Stored, now_ns: int) -> bool:
    found = stored.acknowledgement
    return found is not None and (found.expires_ns is None or found.expires_ns > now_ns)


def field_text(value: Any) -> str | None:
    """How a field's value is compared: text as it is, everything else as its JSON; None: not there."""
    if value is None or isinstance(value, str):
        return value
    return json.dumps(value, sort_keys=True, separators=(",", ":"))


def extra_words(alert: alerts.Alert) -> str:
    """What is searched besides rule, output and host: tags, and values that the output does not say."""
    found = dict.fromkeys(alert.tags)
    for value in alert.fields.values():
        text = field_text(value)
        if text and not isinstance(value, bool) and not _stands_in(text, alert.output):
            found[text] = None
    return " ".join(found)


def _stands_in(text: str, output: str) -> bool:
    """Whether it is there as words of its own: 5 is not in 15."""
    at = output.find(text)
    while at >= 0:
        end = at + len(text)
        if not output[at - 1 : at].isalnum() and not output[end : end + 1].isalnum():
            return True
        at = output.find(text, at + 1)
    return False


def words(text: str) -> list[str]:
    """Letters and digits that stand together, in lower case: what is searched, in both databases."""
    return _WORD.findall(text.lower())


def terms(text: str) -> list[tuple[str, ...]]:
    """``/etc/shad cat`` -> [(etc, shad), (cat,)]: each a run of words of which the last may go on."""
    return [run for part in text.split() if (run := tuple(words(part)))]


def _found(wanted: list[tuple[str, ...]], alert: alerts.Alert) -> bool:
    # Column by column, as the databases do: a run of words does not reach over from one into the next.
    columns = [words(text) for text in (alert.rule, alert.output, alert.hostname, extra_words(alert))]
    # Nothing but signs is asked for: they are not searched, so nothing has them.
    return bool(wanted) and all(any(_has(column, run) for column in columns) for run in wanted)


def _has(column: list[str], run: tuple[str, ...]) -> bool:
    *whole, last = run
    size = len(whole)
    return any(
        column[at : at + size] == whole and column[at + size].startswith(last) for at in range(len(column) - size)
    )
