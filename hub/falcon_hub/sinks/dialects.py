"""How a value from an alert is written so that it stays text in a receiver's markup.

An attacker chooses command lines and file names, and would like them to be a link, a mention of the whole channel, or
a second header of a mail.
"""

from __future__ import annotations

import html as htmls
import re

_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff]")
_MARKDOWN = re.compile(r"([\\`*_{}\[\]()<>#+\-!|~>:@])")
_PARTIAL_ENTITY = re.compile(r"&[#\w]{0,8}$")


def plain(text: str) -> str:
    """Text without what moves the cursor or turns the direction of writing around; line feeds and tabs stay."""
    return _CONTROL.sub(lambda found: f"\\u{ord(found[0]):04x}", text.replace("\r\n", "\n"))


def line(text: str) -> str:
    """Plain text on one line, for headers and titles."""
    return plain(text).replace("\n", " ").replace("\t", " ")


def slack(text: str) -> str:
    """mrkdwn: the three characters that begin links, mentions and entities. `*` and `_` can only decorate."""
    return plain(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def markdown(text: str) -> str:
    """For Markdown as Discord and Teams read it: nothing becomes a link, a mention or a heading."""
    return _MARKDOWN.sub(r"\\\1", plain(text))


def html(text: str) -> str:
    """For HTML, also within attributes."""
    return htmls.escape(plain(text))


def cut(text: str, most: int, mark: str = "…") -> str:
    """At most `most` characters; what was cut shows by the mark. Half an entity or half an escape does not stay."""
    if len(text) <= most:
        return text
    kept = _PARTIAL_ENTITY.sub("", text[: most - len(mark)])
    # An odd number of backslashes would escape the mark.
    tail = len(kept) - len(kept.rstrip("\\"))
    return (kept[:-1] if tail % 2 else kept) + mark
