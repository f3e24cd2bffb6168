"""From a rule file to manifests, text for text: comments and layout are the author's and stay.

    header, macros, lists, changes of rules from elsewhere  ->  one FalconRuleSet, verbatim
    each rule that is complete and that no entry changes    ->  a ClusterFalconRule of its own

A rule's entry is moved, not written anew: its lines are shifted below `spec:` and `desc` becomes
`description`. Every manifest is read back and compared with what the file defines; a rule that would
not come out the same (its keys are not those of manifests, its YAML leans on its surroundings)
stays in the rule set, where everything is allowed.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import yaml

from falcon_rules.diagnostics import Diagnostic
from falcon_rules.loading import loader, manifests
from falcon_rules.model import definitions, documents, nodes, reading
from falcon_rules.model import manifests as models

_KEYS = frozenset({"rule", "desc", "condition", "output", "priority", "source", "enabled", "tags", "exceptions"})
_API = f"{models.GROUP}/{models.VERSION}"
_LONGEST = 63


@dataclass(frozen=True, slots=True)
class Converted:
    """kept: names of rules that stay in the rule set though they are complete."""

    manifests: tuple[Manifest, ...]
    kept: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Manifest:
    """One resource. name: of its file without ending, such that the rule set comes first. text: the YAML."""

    name: str
    text: str


@dataclass(frozen=True, slots=True)
class _Chunk:
    """Lines of one entry, with the comments right above it; entry None for what stands between."""

    text: str
    above: str = ""
    entry: reading.Entry | None = None


def convert(document: documents.Document, name: str) -> Converted:
    """The manifests, the rule set first. name: of the rule set, from which its resource's name is made.

    The document must load without errors.
    """
    loaded = loader.load([document])
    found: list[Diagnostic] = []
    entries = list(reading.entries(document, 0, found))
    chunks = _chunks(document, entries)
    if chunks is None:
        kept = tuple(entry.name for entry in entries if entry.kind == "rule" and entry.name)
        return Converted((_rule_set(document.text, slug(name)),), kept)
    touched = Counter(entry.name for entry in entries if entry.kind == "rule")
    names = _Names()
    rest: list[str] = []
    rules: list[Manifest] = []
    left: list[str] = []
    remaining = 0
    for chunk in chunks:
        entry = chunk.entry
        manifest = None
        if entry is not None and entry.kind == "rule" and entry.name in loaded.rules and touched[entry.name] == 1:
            manifest = _rule(chunk, entry, loaded.rules[entry.name], names)
            if manifest is None:
                left.append(entry.name)
        if manifest is not None:
            rules.append(manifest)
        else:
            remaining += entry is not None
            rest += [chunk.above, chunk.text]
    text = "".join(rest)
    if remaining:
        made = [_rule_set(text, slug(name)), *rules]
    elif rules and text.strip():
        made = [Manifest(rules[0].name, f"{text.rstrip()}\n\n{rules[0].text}"), *rules[1:]]
    else:
        made = rules
    return Converted(tuple(made), tuple(left))


def slug(name: str) -> str:
    """A name that Kubernetes takes: `Read sensitive file` as ``read-sensitive-file``."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:_LONGEST].rstrip("-") or "rule"


class _Names:
    """Names of resources, each given once."""

    def __init__(self) -> None:
        self._given: set[str] = set()

    def of(self, rule: str) -> str:
        base = found = slug(rule)
        number = 2
        while found in self._given:
            end = f"-{number}"
            found = base[: _LONGEST - len(end)].rstrip("-") + end
            number += 1
        self._given.add(found)
        return found


def _chunks(document: documents.Document, entries: Sequence[reading.Entry]) -> list[_Chunk] | None:
    """The whole text in pieces; None if it is not a list whose entries each begin a line with `- `."""
    lines = document.text.replace("\r\n", "\n").splitlines(keepends=True)
    starts = [entry.place().line - 1 for entry in entries]
    dashes = [re.match(r"( *)- +(?=\S)", lines[start]) for start in starts]
    placed = all(
        dash is not None and dash.end() == entry.place().column - 1 for dash, entry in zip(dashes, entries, strict=True)
    )
    if "\r\n" in document.text or not placed or len(set(starts)) != len(starts):
        return None
    found: list[_Chunk] = []
    end = 0
    for number, (start, entry) in enumerate(zip(starts, entries, strict=True)):
        dash = dashes[number]
        assert dash is not None
        indent = len(dash[1])
        above = start
        while above > end and _is_comment(lines[above - 1], indent):
            above -= 1
        following = starts[number + 1] if number + 1 < len(starts) else len(lines)
        if above > end:
            found.append(_Chunk("".join(lines[end:above])))
        end = following
        while end > start + 1 and (not lines[end - 1].strip() or _is_comment(lines[end - 1], indent)):
            end -= 1
        found.append(_Chunk("".join(lines[start:end]), "".join(lines[above:start]), entry))
    found.append(_Chunk("".join(lines[end:])))
    return found


def _is_comment(line: str, indent: int) -> bool:
    """A comment that is not further in than the entries: inside a block of text it would be text."""
    stripped = line.lstrip(" ")
    return stripped.startswith("#") and len(line) - len(stripped) <= indent


def _rule(
    chunk: _Chunk, entry: reading.Entry, definition: definitions.RuleDefinition, names: _Names
) -> Manifest | None:
    """The rule's manifest, None if the rule would not come out the same."""
    keys = {key.text for key, _ in entry.node.pairs if isinstance(key, nodes.Scalar)}
    if not keys <= _KEYS or not definition.known_source:
        return None
    place = entry.place()
    body = _renamed(chunk.text, entry, place.column - 1)
    name = slug(definition.name)
    head = "".join(line.lstrip(" ") for line in chunk.above.splitlines(keepends=True))
    spec = _shifted(body, 2 - (place.column - 1))
    if not _same(spec, definition, name):
        return None
    name = names.of(definition.name)
    text = f"{head}apiVersion: {_API}\nkind: {models.Kind.CLUSTER_RULE}\nmetadata:\n  name: {name}\nspec:\n{spec}"
    return Manifest(name, text if text.endswith("\n") else text + "\n")


def _renamed(text: str, entry: reading.Entry, column: int) -> str:
    """The entry's lines without its dash, `desc` called what manifests call it, and each plain `=` in quotes: loaders
    of YAML 1.1 refuse it."""
    lines = text.splitlines(keepends=True)
    key = entry.node.key("desc")
    edits = [(key, "description")] if key is not None else []
    edits += [(scalar, '"="') for scalar in _scalars(entry.node) if scalar.text == "=" and not scalar.style]
    first = entry.place().line
    for scalar, new in sorted(edits, key=lambda edit: -edit[0].start):
        place = scalar.place()
        if not 0 <= place.line - first < len(lines):
            continue  # an alias: what it stands for is written elsewhere
        line, at = lines[place.line - first], place.column - 1
        lines[place.line - first] = line[:at] + new + line[at + (scalar.end - scalar.start) :]
    lines[0] = " " * column + lines[0][column:]
    return "".join(lines)


def _scalars(node: nodes.Node) -> Iterator[nodes.Scalar]:
    if isinstance(node, nodes.Scalar):
        yield node
    elif isinstance(node, nodes.Sequence):
        for item in node.items:
            yield from _scalars(item)
    else:
        for key, value in node.pairs:
            yield from _scalars(key)
            yield from _scalars(value)


def _shifted(text: str, by: int) -> str:
    """All lines further in, or further out (comments as far as they can)."""
    lines = text.splitlines(keepends=True)
    if by >= 0:
        return "".join(" " * by + line if line.strip() else line for line in lines)
    return "".join(line[min(-by, len(line) - len(line.lstrip(" "))) :] for line in lines)


def _same(spec: str, definition: definitions.RuleDefinition, name: str) -> bool:
    """Whether the manifest says what the rule file does."""
    try:
        body = yaml.load(f"spec:\n{spec}", Loader=yaml.CSafeLoader)["spec"]
    except (yaml.YAMLError, KeyError, TypeError):
        return False
    if not isinstance(body, dict):
        return False
    parsed, _ = manifests.parse(models.ClusterRuleSpec, body, name)
    if parsed is None:
        return False
    other, local = manifests.rule_definition(parsed, name, name)
    return other is not None and not any(map(_is_error, local.diagnostics)) and _content(other) == _content(definition)


def _is_error(found: Diagnostic) -> bool:
    return found.is_error


def _content(rule: definitions.RuleDefinition) -> object:
    exceptions = [
        (each.name, each.single, tuple(map(str, each.fields)), each.comps, tuple(map(_value, each.values)))
        for each in rule.exceptions
    ]
    texts = (rule.name, rule.condition.string, rule.output.string, rule.description)
    return (*texts, rule.priority, rule.source, rule.enabled, rule.tags, exceptions)


def _value(value: definitions.ExceptionValue) -> object:
    return value.text.string if value.text is not None else tuple(map(_value, value.items))


def _rule_set(text: str, name: str) -> Manifest:
    """The text as it is, below `spec.rules`."""
    lines = _trimmed(text.splitlines())
    # The block's indentation must be given where its first line does not show it.
    indicator = "|2" if lines and lines[0].startswith(" ") else "|"
    body = "".join(f"    {line}".rstrip() + "\n" for line in lines)
    head = f"apiVersion: {_API}\nkind: {models.Kind.RULE_SET}\nmetadata:\n  name: {name}\nspec:\n"
    return Manifest(f"00-{name}", f"{head}  rules: {indicator}\n{body}")


def _trimmed(lines: Iterable[str]) -> list[str]:
    """Without blank lines at both ends, and with one at most where rules were taken out."""
    found: list[str] = []
    for line in lines:
        if line.strip() or (found and found[-1].strip()):
            found.append(line)
    while found and not found[-1].strip():
        found.pop()
    return found
