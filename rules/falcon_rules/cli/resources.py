"""Manifests among files: Falcon's custom resources, compiled as the operator does.

Rule files are compiled together, as the sensor does with a folder of them; manifests see the macros
and lists of the rule sets among them, and none of the rule files'.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from falcon_rules import bundle
from falcon_rules.compiler import compiled
from falcon_rules.diagnostics import Code, Diagnostic, Severity
from falcon_rules.loading import compilation, library, manifests
from falcon_rules.model import documents
from falcon_rules.model import manifests as models


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule of a manifest. owner: what diagnostics call it. spec: None for a rule of a rule set. compiled: None if
    it has errors."""

    owner: str
    spec: models.RuleSpec | None
    compiled: compiled.CompiledRule | None

    @property
    def resource(self) -> str:
        """As the operator calls it: ``falconrule/team/shell``."""
        return self.owner.rpartition(": ")[2]


def is_manifest(document: documents.Document) -> bool:
    """Whether the file holds resources, by how they must begin."""
    return any(line.startswith("apiVersion:") for line in document.text.splitlines())


def compile_files(files: Iterable[documents.Document]) -> compiled.Result:
    """What rule files and manifests define, whichever of the two each file is."""
    files = list(files)
    listed = [each for each in files if is_manifest(each)]
    result = compilation.compile([each for each in files if each not in listed])
    if not listed:
        return result
    found: list[Diagnostic] = []
    owned = rules(listed, found)
    more = tuple(rule.compiled for rule in owned if rule.compiled is not None)
    active = (*result.bundle.rules, *(rule.to_bundle() for rule in more if rule.active))
    whole = bundle.Bundle(active, result.bundle.revision)
    return compiled.Result(whole, (*result.rules, *more), (*result.diagnostics, *found))


def rules(files: Iterable[documents.Document], found: list[Diagnostic]) -> list[Rule]:
    """The rules of all manifests, which may use the macros and lists of rule sets among them; those of rule sets
    come first."""
    bodies = [(_owner(body, file), body) for file in files for body in _bodies(file, found)]
    sets = []
    for owner, body in bodies:
        if body.get("kind") == models.Kind.RULE_SET:
            spec, problems = manifests.parse(models.RuleSetSpec, body.get("spec") or {}, owner)
            found += problems
            if spec is not None:
                sets.append(manifests.RuleSet(owner, spec))
    loaded = manifests.load_sets(sets)
    shared = library.Library(loaded.loaded)
    found += [*loaded.loaded.diagnostics, *shared.diagnostics]
    own = [rule for owner, body in bodies if (rule := _rule(owner, body, shared, found)) is not None]
    return [*_of_sets(loaded, shared, found), *own]


def _of_sets(loaded: manifests.Sets, shared: library.Library, found: list[Diagnostic]) -> Iterator[Rule]:
    for name, definition in loaded.loaded.rules.items():
        result = shared.compile(definition)
        found += result.diagnostics
        yield Rule(loaded.owners[name], None, result.rule)


def _rule(owner: str, body: Mapping[str, Any], shared: library.Library, found: list[Diagnostic]) -> Rule | None:
    kinds: dict[str, type[models.RuleSpec]] = {
        models.Kind.RULE: models.RuleSpec,
        models.Kind.CLUSTER_RULE: models.ClusterRuleSpec,
    }
    model = kinds.get(str(body.get("kind")))
    if model is None:
        return None
    spec, problems = manifests.parse(model, body.get("spec") or {}, owner)
    found += problems
    if spec is None:
        return None
    definition, local = manifests.rule_definition(spec, owner, str(body["metadata"]["name"]))
    found += local.diagnostics
    if definition is None or any(each.is_error for each in local.diagnostics):
        return Rule(owner, spec, None)
    result = shared.compile(definition, local)
    found += result.diagnostics
    return Rule(owner, spec, result.rule)


def _bodies(file: documents.Document, found: list[Diagnostic]) -> Iterator[Mapping[str, Any]]:
    try:
        for body in yaml.load_all(file.text, Loader=yaml.CSafeLoader):
            if isinstance(body, dict) and str(body.get("apiVersion", "")).startswith(f"{models.GROUP}/"):
                if isinstance(body.get("metadata"), dict) and body["metadata"].get("name"):
                    yield body
                else:
                    message = f"a {body.get('kind')} without metadata.name"
                    found.append(Diagnostic(Severity.ERROR, Code.BAD_MANIFEST, message, file.place(0)))
    except yaml.YAMLError as error:
        found.append(Diagnostic(Severity.ERROR, Code.ERR_YAML_PARSE, f"not YAML: {error}", file.place(0)))


def _owner(body: Mapping[str, Any], file: documents.Document) -> str:
    """``rules/shell.yaml: falconrule/team/shell``."""
    metadata = body["metadata"]
    namespaced = body.get("kind") == models.Kind.RULE
    parts = [str(body.get("kind")).lower(), *([str(metadata.get("namespace", "default"))] if namespaced else [])]
    return f"{file.name}: " + "/".join([*parts, str(metadata["name"])])
