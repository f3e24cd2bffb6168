"""Exceptions that an attacker can step into at will.

An exception is for something known; but a process calls itself what it likes, and so does the one
that started it. `proc.name in (backup)` silences the rule for everybody who renames a program, so
an exception needs at least one part that an intruder does not choose: where the program is
installed, which image the container runs, which user it is, which file it is about.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from falcon_rules.model import definitions

_CHOSEN = re.compile(
    r"proc\.(?:p|a|s)?(?:name|cmdline|exe|exeline|args|env|cwd)(?:\[.*\])?"
    r"|proc\.(?:sid|vpgid|pgid)\.(?:name|exe)|proc\.(?:cmdnargs|cmdlenargs|sname|acmdline|pcmdline)(?:\[.*\])?"
    r"|evt\.arg\.(?:args|exe|comm|cwd|env)"
)
"""What a process says of itself, or of the one that started it."""
_LOCATED = re.compile(r"proc\.(?:(?:p|a)?exepath|(?:sid|vpgid|pgid)\.exepath)(?:\[.*\])?")
"""Where a program lies: good for something as long as not everybody can put one there."""
_ANYWHERE = frozenset({"contains", "icontains", "endswith", "glob", "iglob", "regex", "bcontains"})
_WRITABLE = ("/tmp", "/var/tmp", "/dev", "/home", "/run/user", "/run/shm")
"""Directories in which others than root may put programs."""

ADVICE = (
    "add a part that an intruder does not choose: proc.exepath startswith /usr/, container.image.repository, user.uid, "
    "or the exact fd.name"
)


def bypassable(rule: definitions.RuleDefinition) -> Iterator[tuple[definitions.ExceptionDefinition, str]]:
    """Exceptions of the rule that are in force and hold for whoever wants them to; each with the reason."""
    for exception in rule.exceptions:
        if exception.values and (reasons := _reasons(exception)):
            yield exception, "; ".join(dict.fromkeys(reasons))


def _reasons(exception: definitions.ExceptionDefinition) -> list[str]:
    """Why each part is no hindrance; empty if one of them is."""
    reasons = []
    for index, (field, comp) in enumerate(zip(exception.fields, exception.comps, strict=True)):
        reason = chosen(field.string.strip(), comp, list(_values(exception, index)))
        if reason is None:
            return []
        reasons.append(reason)
    return reasons


def _values(exception: definitions.ExceptionDefinition, index: int) -> Iterator[str]:
    for row in exception.values:
        if exception.single:
            yield from _texts(row)
        elif row.is_list and index < len(row.items):
            yield from _texts(row.items[index])


def _texts(value: definitions.ExceptionValue) -> Iterator[str]:
    if value.text is not None:
        yield value.text.string
    for item in value.items:
        yield from _texts(item)


def chosen(field: str, comp: str, values: list[str]) -> str | None:
    """Why whoever wants to can make `field comp values` hold; None: an intruder does not choose that."""
    if _CHOSEN.fullmatch(field):
        whose = (
            "a process names its own"
            if re.fullmatch(r"proc\.(?:name|exe\w*|cmd\w*|args.*|env.*|cwd)", field)
            else ("whoever starts a process chooses its")
        )
        return f"{whose} {field}"
    if not _LOCATED.fullmatch(field):
        return None
    if (word := comp.split()[0]) in _ANYWHERE:
        return f"{field} {word} also holds for a program put into a directory of the intruder's choice"
    writable = [value for value in values if any(value == path or value.startswith(path + "/") for path in _WRITABLE)]
    return f"others than root may put programs below {writable[0]}" if writable else None
