"""YAML as rule files use it: nodes whose scalars stay the text that was written.

PyYAML's loaders turn `yes`, `012` or dates into other types and fail on a plain `=`; its
composer recurses and expands aliases without bound. So the nodes are made here, straight from
the events of libyaml's parser, with limits on depth and on what aliases may multiply to.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Protocol, TypeAlias

import yaml

from falcon_rules import diagnostics
from falcon_rules.model import scalars
from falcon_rules.model.documents import Document

MAX_DEPTH = 32
"""Rule files need six levels (file, item, exceptions, exception, values, value)."""
MAX_NODES = 2_000_000
"""With aliases expanded; ten thousand rules need a tenth of it."""
_SURROGATE = re.compile("[\ud800-\udfff]")
_NULLS = frozenset({"", "~", "null", "Null", "NULL"})


@dataclass(eq=False, slots=True)
class Scalar:
    """Text as written, unquoted. `style` is "" for plain, else the quote or block indicator."""

    document: Document
    text: str
    style: str
    start: int
    end: int
    size = 1
    depth = 1

    @property
    def is_null(self) -> bool:
        return self.style == "" and self.text in _NULLS

    def place(self, offset: int = 0, length: int = 1) -> diagnostics.Place:
        """Where the character at `offset` of the text stands in the file."""
        source = self.document.text[self.start : self.end]
        return self.document.place(self.start + scalars.source_offset(source, self.style, self.text, offset), length)


@dataclass(eq=False, slots=True)
class Sequence:
    document: Document
    start: int
    items: list[Node] = field(default_factory=list)
    size: int = 1
    depth: int = 1

    def place(self, offset: int = 0, length: int = 1) -> diagnostics.Place:
        return self.document.place(self.start, length)


@dataclass(eq=False, slots=True)
class Mapping:
    """Pairs in the order written, repeated keys included."""

    document: Document
    start: int
    pairs: list[tuple[Node, Node]] = field(default_factory=list)
    size: int = 1
    depth: int = 1

    def place(self, offset: int = 0, length: int = 1) -> diagnostics.Place:
        return self.document.place(self.start, length)

    def get(self, key: str) -> Node | None:
        """The first value of a key."""
        return next((value for name, value in self.pairs if isinstance(name, Scalar) and name.text == key), None)

    def key(self, key: str) -> Scalar | None:
        """The key itself, for its position."""
        return next((name for name, _ in self.pairs if isinstance(name, Scalar) and name.text == key), None)


Node: TypeAlias = Scalar | Sequence | Mapping


class YamlError(Exception):
    """Not YAML, or YAML beyond the limits. `offset` counts characters of the document."""

    def __init__(self, message: str, offset: int) -> None:
        super().__init__(message)
        self.offset = offset


def compose(document: Document) -> list[Node | None]:
    """The root node of each YAML document in the text, None for an empty one. Raises YamlError."""
    text = document.text
    shift = 1 if text.startswith("\ufeff") else 0
    bad = _SURROGATE.search(text)
    if bad:
        raise YamlError("the file is not UTF-8 here", bad.start())
    try:
        return _Composer(document, yaml.parse(text[shift:], Loader=yaml.CSafeLoader), shift).documents()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        problem = " ".join(filter(None, (error.context, error.problem)))
        raise YamlError(f"not YAML: {problem}", mark.index + shift if mark else 0) from None
    except yaml.reader.ReaderError as error:
        raise YamlError(f"not YAML: {error.reason}", error.position) from None


class _HasIndex(Protocol):
    @property
    def index(self) -> int: ...


class _Composer:
    """Events to nodes, with a stack of its own."""

    def __init__(self, document: Document, events: Iterator[yaml.Event], shift: int) -> None:
        self.document = document
        self.events = events
        self.shift = shift
        self.anchors: dict[str, Node] = {}
        # Collections that are open, their anchors, and for mappings the key that waits for a value.
        self.open: list[tuple[Sequence | Mapping, str | None]] = []
        self.keys: list[Node | None] = []
        self.roots: list[Node | None] = []

    def documents(self) -> list[Node | None]:
        for event in self.events:
            if isinstance(event, yaml.ScalarEvent):
                self._add(self._scalar(event), event.anchor)
            elif isinstance(event, (yaml.SequenceStartEvent, yaml.MappingStartEvent)):
                self._enter(event)
            elif isinstance(event, (yaml.SequenceEndEvent, yaml.MappingEndEvent)):
                self.keys.pop()
                self._add(*self.open.pop())
            elif isinstance(event, yaml.AliasEvent):
                self._alias(event)
            elif isinstance(event, yaml.DocumentStartEvent):
                self.anchors.clear()
        return self.roots

    def _index(self, mark: _HasIndex | None) -> int:
        return self.shift + (mark.index if mark else 0)

    def _scalar(self, event: yaml.ScalarEvent) -> Scalar:
        start, end = self._index(event.start_mark), self._index(event.end_mark)
        return Scalar(self.document, event.value, event.style or "", start, end)

    def _enter(self, event: yaml.SequenceStartEvent | yaml.MappingStartEvent) -> None:
        start = self._index(event.start_mark)
        if len(self.open) >= MAX_DEPTH:
            raise YamlError(f"collections nest more than {MAX_DEPTH} levels deep here", start)
        kind = Sequence if isinstance(event, yaml.SequenceStartEvent) else Mapping
        self.open.append((kind(self.document, start), event.anchor))
        self.keys.append(None)

    def _alias(self, event: yaml.AliasEvent) -> None:
        # An anchor counts only once its node is complete, so that no node can contain itself.
        node = self.anchors.get(event.anchor or "")
        if node is None:
            raise YamlError(f"not YAML: unknown alias {event.anchor!r}", self._index(event.start_mark))
        self._add(node, None)

    def _add(self, node: Node, anchor: str | None) -> None:
        if anchor is not None:
            self.anchors[anchor] = node
        if not self.open:
            self.roots.append(None if isinstance(node, Scalar) and node.is_null else node)
            return
        parent = self.open[-1][0]
        parent.size += node.size
        parent.depth = max(parent.depth, node.depth + 1)
        if parent.size > MAX_NODES or parent.depth > MAX_DEPTH:
            raise YamlError("aliases in this collection multiply to more than any rule file needs", parent.start)
        if isinstance(parent, Sequence):
            parent.items.append(node)
        elif self.keys[-1] is None:
            self.keys[-1] = node
        else:
            parent.pairs.append((self.keys[-1], node))
            self.keys[-1] = None
