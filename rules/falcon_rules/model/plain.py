"""Plain data (of a manifest, already decoded) as the nodes that rule files are read from.

Every text becomes a document of its own, named by its path, so that a finding says line and
column within the value as its author wrote it: ``falconrule/team/shells: spec.condition:2:7``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from falcon_rules.model import documents, nodes, reading, scalars


def entry(kind: str, data: Mapping[str, Any], paths: Mapping[str, str], index: int) -> reading.Entry:
    """An item of a rule file made of plain data. paths: what each key's document is called."""
    whole = documents.Document(paths[kind], "")
    mapping = nodes.Mapping(whole, 0)
    for key, value in data.items():
        mapping.pairs.append((_scalar(key, paths[key]), _node(value, paths[key])))
    return reading.Entry(whole, mapping, kind, index, reading.plain(mapping))


def _node(value: Any, path: str) -> nodes.Node:
    if isinstance(value, Mapping):
        mapping = nodes.Mapping(documents.Document(path, ""), 0)
        mapping.pairs = [(_scalar(str(key), path), _node(each, f"{path}.{key}")) for key, each in value.items()]
        return mapping
    if isinstance(value, Sequence) and not isinstance(value, str):
        items = [_node(each, f"{path}[{number}]") for number, each in enumerate(value)]
        return nodes.Sequence(documents.Document(path, ""), 0, items)
    return _scalar(text(value), path)


def _scalar(value: str, path: str) -> nodes.Scalar:
    return nodes.Scalar(documents.Document(path, value), value, scalars.VERBATIM, 0, len(value))


def text(value: Any) -> str:
    """A scalar as rule files would have it: `443` and `true` are texts there."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def texts(value: Any) -> Any:
    """Lists of lists of scalars with every scalar as its text; anything else as it is."""
    if isinstance(value, list | tuple):
        return [texts(each) for each in value]
    return text(value) if isinstance(value, bool | int | float) else value
