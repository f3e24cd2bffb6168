"""From the nodes of a rule file to items: which kind each entry is, and whether its shape is right.

An entry whose shape is wrong is refused alone; the others are read on. Nothing is combined or
looked up here.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, NoReturn, TypeVar

import pydantic

from falcon_rules import diagnostics
from falcon_rules.diagnostics import Code, Diagnostic, Severity
from falcon_rules.model import documents, items, kinds, nodes

Path = tuple[str | int, ...]
Model = TypeVar("Model", bound=pydantic.BaseModel)

_KEYS = {
    "required_engine_version": {"required_engine_version"},
    "required_plugin_versions": {"required_plugin_versions"},
    "list": {"list", "items", "append", "override"},
    "macro": {"macro", "condition", "append", "override"},
    "rule": {
        *("rule", "condition", "output", "desc", "priority", "source", "enabled", "tags", "exceptions"),
        *("warn_evttypes", "skip-if-unknown-filter", "capture", "capture_duration", "append", "override"),
    },
}
"""In the order in which they decide what an entry is."""


@dataclass(eq=False)
class Entry:
    """One entry of a rule file: its node, kind and name, and its content as plain data.

    index: position among all entries of all files, for questions of what came first.
    """

    document: documents.Document
    node: nodes.Mapping
    kind: str
    index: int
    data: dict[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str | None:
        name = self.data.get(self.kind)
        return name if isinstance(name, str) else None

    def origin(self, *path: str | int) -> nodes.Node:
        """The node at a path of keys and positions, or the nearest one around it that exists."""
        here: nodes.Node = self.node
        for step in path:
            below = _step(here, step)
            if below is None:
                break
            here = below
        return here

    def text(self, *path: str | int) -> documents.Text:
        """The scalar at a path, with its origin."""
        node = self.origin(*path)
        assert isinstance(node, nodes.Scalar)
        return documents.Text.of(node.text, node)

    def place(self, *path: str | int) -> diagnostics.Place:
        return self.origin(*path).place()

    def key_place(self, key: str) -> diagnostics.Place:
        return (self.node.key(key) or self.node).place(length=len(key))

    def finding(
        self,
        severity: Severity,
        code: Code,
        message: str,
        place: diagnostics.Place | None = None,
        suggestion: str | None = None,
    ) -> Diagnostic:
        name = self.name
        kind = None if name is None else self.kind
        return Diagnostic(severity, code, message, place or self.place(), suggestion, kind, name)

    def refuse(
        self, code: Code, message: str, place: diagnostics.Place | None = None, suggestion: str | None = None
    ) -> NoReturn:
        raise diagnostics.Refusal(self.finding(Severity.ERROR, code, message, place, suggestion))

    def parse(self, model: type[Model], data: dict[str, Any] | None = None) -> Model:
        """The entry as a model. Raises Refusal with the first thing that is wrong."""
        try:
            return model.model_validate(self.data if data is None else data)
        except pydantic.ValidationError as error:
            self._explain(error)

    def _explain(self, error: pydantic.ValidationError) -> NoReturn:
        first = error.errors(include_url=False, include_input=False)[0]
        path: Path = tuple(step for step in first["loc"])
        named = [step for step in path if isinstance(step, str)]
        if first["type"] == "missing":
            owner = "exception" if len(path) > 1 else self.kind
            self.refuse(Code.ERR_YAML_VALIDATE, f"this {owner} has no {path[-1]!r}", self.place(*path))
        key = named[-1] if named else self.kind
        suggestion = first.get("ctx", {}).get("suggestion")
        self.refuse(Code.ERR_YAML_VALIDATE, f"{key!r} {first['msg']}", self.place(*path), suggestion)


def _step(node: nodes.Node, step: str | int) -> nodes.Node | None:
    if isinstance(node, nodes.Mapping) and isinstance(step, str):
        return node.get(step)
    if isinstance(node, nodes.Sequence) and isinstance(step, int) and step < len(node.items):
        return node.items[step]
    return None


def entries(document: documents.Document, first_index: int, found: list[Diagnostic]) -> Iterator[Entry]:
    """The entries of a file in order; what is wrong with the file or an entry is added to `found`."""
    try:
        roots = nodes.compose(document)
    except nodes.YamlError as error:
        found.append(Diagnostic(Severity.ERROR, Code.ERR_YAML_PARSE, str(error), document.place(error.offset)))
        return
    index = first_index
    for root in roots:
        if root is None:
            continue
        if not isinstance(root, nodes.Sequence):
            message = "a rule file is a list of rules, macros and lists, each entry starting with '- '"
            found.append(Diagnostic(Severity.ERROR, Code.ERR_YAML_VALIDATE, message, root.place()))
            return
        for node in root.items:
            entry = _entry(document, node, index, found)
            index += 1
            if entry is not None:
                yield entry


def _entry(document: documents.Document, node: nodes.Node, index: int, found: list[Diagnostic]) -> Entry | None:
    if isinstance(node, nodes.Scalar) and node.is_null:
        return None
    if not isinstance(node, nodes.Mapping):
        message = "an entry of a rule file is a mapping that starts with rule, macro, list or required_engine_version"
        found.append(Diagnostic(Severity.ERROR, Code.ERR_YAML_VALIDATE, message, node.place()))
        return None
    keys = [key.text for key, _ in node.pairs if isinstance(key, nodes.Scalar)]
    kind = next((kind for kind in _KEYS if kind in keys), None)
    if kind is None:
        message = "this entry is none of " + ", ".join(_KEYS) + ", so it is ignored"
        close = next(filter(None, (diagnostics.suggest(key, _KEYS) for key in keys)), None)
        found.append(Diagnostic(Severity.WARNING, Code.UNKNOWN_ITEM, message, node.place(), close))
        return None
    entry = Entry(document, node, kind, index, plain(node))
    found.extend(_odd_keys(entry, keys))
    return entry


def _odd_keys(entry: Entry, keys: Sequence[str]) -> Iterator[Diagnostic]:
    known = _KEYS[entry.kind]
    absent = known - set(keys)
    seen: set[str] = set()
    for key, _ in entry.node.pairs:
        if not isinstance(key, nodes.Scalar):
            continue
        place = key.place(length=len(key.text))
        if key.text in seen:
            message = f"the key {key.text!r} is repeated; only the first one counts"
            yield entry.finding(Severity.WARNING, Code.DUPLICATE_KEY, message, place)
        elif key.text not in known:
            suggestion = diagnostics.suggest(key.text, absent)
            message = f"a {entry.kind} has no key {key.text!r}, so it is ignored"
            yield entry.finding(Severity.WARNING, Code.UNKNOWN_KEY, message, place, suggestion)
        seen.add(key.text)


def plain(node: nodes.Node) -> Any:
    """Lists, dicts, texts and None; of repeated keys the first one counts."""
    if isinstance(node, nodes.Scalar):
        return None if node.is_null else node.text
    if isinstance(node, nodes.Sequence):
        return [plain(item) for item in node.items]
    result: dict[str, Any] = {}
    for key, value in node.pairs:
        if isinstance(key, nodes.Scalar):
            result.setdefault(key.text, plain(value))
    return result


def override(entry: Entry) -> dict[str, items.Operation]:
    """The operations under `override`, checked; empty when there are none."""
    raw = entry.data.get("override") or {}
    if not isinstance(raw, dict):
        entry.refuse(
            Code.ERR_YAML_VALIDATE, "'override' must be a mapping of keys to append or replace", entry.place("override")
        )
    operations = {}
    for key, word in raw.items():
        place = entry.place("override", key)
        if word not in list(items.Operation):
            message = f"the override of {key!r} must be append or replace, not {word!r}"
            entry.refuse(Code.ERR_YAML_VALIDATE, message, place)
        operations[key] = items.Operation(word)
        if key not in items.OVERRIDABLE[entry.kind][operations[key]]:
            entry.refuse(Code.ERR_YAML_VALIDATE, _not_overridable(entry.kind, key, operations[key]), place)
        if key not in entry.data:
            message = f"the override of {key!r} needs {key!r} in this {entry.kind}"
            entry.refuse(Code.ERR_YAML_VALIDATE, message, place)
    return operations


def _not_overridable(kind: str, key: str, operation: items.Operation) -> str:
    other = items.Operation.REPLACE
    if operation is items.Operation.APPEND and key in items.OVERRIDABLE[kind][other]:
        return f"the key {key!r} cannot be appended to, only replaced"
    verb = "appended to" if operation is items.Operation.APPEND else "replaced"
    return f"the key {key!r} of a {kind} cannot be {verb}"


def check_all_overridden(entry: Entry, operations: dict[str, items.Operation]) -> None:
    """Refuses keys that could be overridden but are not named under `override`."""
    for key in entry.data:
        known = any(key in keys for keys in items.OVERRIDABLE[entry.kind].values())
        if known and key not in operations:
            message = f"the key {key!r} has no entry under 'override', so its effect is unclear"
            entry.refuse(Code.ERR_YAML_VALIDATE, message, entry.key_place(key))


class _Append(items.Item):
    append: kinds.Boolean = False


def append_flag(entry: Entry, found: list[Diagnostic]) -> bool:
    """Whether `append: true` is there, which is deprecated in favour of `override`."""
    if "append" not in entry.data or not entry.parse(_Append).append:
        return False
    message = "'append: true' is deprecated; write override: {" + (
        "items: append}" if entry.kind == "list" else "condition: append}"
    )
    found.append(entry.finding(Severity.WARNING, Code.DEPRECATED_ITEM, message, entry.key_place("append")))
    return True


def changes(entry: Entry, found: list[Diagnostic]) -> tuple[bool, dict[str, items.Operation]]:
    """How the entry changes something that exists: whether by `append: true`, or its overrides."""
    appended = append_flag(entry, found)
    raw = entry.data.get("override")
    if appended and raw:
        entry.refuse(
            Code.ERR_YAML_VALIDATE, "'append: true' and 'override' exclude each other", entry.key_place("override")
        )
    return appended, override(entry) if "override" in entry.data else {}
