"""Files of tests: a YAML list beside the rules, in files of its own so that rule files stay Falco's.

    - test: bash on a terminal
      rule: Terminal shell in container
      event: {evt.type: execve, proc.name: bash, proc.tty: 34816, container.id: 0123456789ab}
      match: true                       # the default
      output: A shell was started ...   # optional: what the rule must print

A plain number is a number and `true` a boolean; everything else, and all in quotes, is text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from falcon_rules.diagnostics import Code, Diagnostic, Place, Severity, suggest
from falcon_rules.model import documents, nodes
from falcon_rules.testing import cases

_KEYS = ("test", "rule", "event", "match", "output")
_INTEGER = re.compile(r"0|-?[1-9][0-9]{0,19}")
_FLOAT = re.compile(r"-?[0-9]+\.[0-9]+")
_WORDS = {"true": True, "false": False, "null": None, "~": None, "": None}


@dataclass(frozen=True, slots=True)
class Test:
    """One case, the rule it is about, and where it stands."""

    rule: str
    case: cases.Case
    place: Place

    def finding(self, code: Code, message: str, suggestion: str | None = None) -> Diagnostic:
        return Diagnostic(Severity.ERROR, code, message, self.place, suggestion, "test", self.case.name)


def read(document: documents.Document, found: list[Diagnostic]) -> Iterator[Test]:
    """The tests of a file; what is wrong with them is added to `found`."""
    try:
        roots = nodes.compose(document)
    except nodes.YamlError as error:
        found.append(_wrong(str(error), document.place(error.offset)))
        return
    for root in roots:
        if root is None:
            continue
        if not isinstance(root, nodes.Sequence):
            found.append(_wrong("a file of tests is a list of entries that start with '- test: NAME'", root.place()))
            continue
        for node in root.items:
            test = _test(node, found)
            if test is not None:
                yield test


def _test(node: nodes.Node, found: list[Diagnostic]) -> Test | None:
    if not isinstance(node, nodes.Mapping):
        found.append(_wrong("a test is a mapping with the keys test, rule and event", node.place()))
        return None
    values: dict[str, Any] = {}
    for key, value in node.pairs:
        name = key.text if isinstance(key, nodes.Scalar) else ""
        if name not in _KEYS:
            found.append(_wrong(f"a test has no key {name!r}", key.place(), suggest(name, _KEYS)))
            return None
        values[name] = value.text if isinstance(value, nodes.Scalar) and name != "match" else _plain(value)
    problem = _problem(values)
    if problem is not None:
        found.append(_wrong(problem, node.place()))
        return None
    case = cases.Case(values["test"], values["event"], values.get("match", True), values.get("output"))
    return Test(values["rule"], case, node.place())


def _problem(values: dict[str, Any]) -> str | None:
    for name, kind, what in (("test", str, "a name"), ("rule", str, "a rule's name"), ("event", dict, "a mapping")):
        if not isinstance(values.get(name), kind) or not values[name]:
            return f"a test needs {name!r}: {what}"
    if not isinstance(values.get("match", True), bool):
        return "'match' must be true or false"
    if "output" in values and (not isinstance(values["output"], str) or not values.get("match", True)):
        return "'output' must be a text, and only a rule that matches prints one"
    return None


def _plain(node: nodes.Node) -> Any:
    if isinstance(node, nodes.Sequence):
        return [_plain(item) for item in node.items]
    if isinstance(node, nodes.Mapping):
        return {key.text: _plain(value) for key, value in node.pairs if isinstance(key, nodes.Scalar)}
    if node.style:
        return node.text
    if _INTEGER.fullmatch(node.text):
        return int(node.text)
    if _FLOAT.fullmatch(node.text):
        return float(node.text)
    return _WORDS.get(node.text, node.text)


def _wrong(message: str, place: Place, suggestion: str | None = None) -> Diagnostic:
    return Diagnostic(Severity.ERROR, Code.BAD_TEST, message, place, suggestion)
