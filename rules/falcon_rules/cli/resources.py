"""Manifests among files: Falcon's custom resources, compiled as the operator does.

Only what tests need: whose rules they are and what their specs say.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from falcon_rules.compiler import compiled
from falcon_rules.diagnostics import Code, Diagnostic, Severity
from falcon_rules.loading import library, manifests
from falcon_rules.model import documents
from falcon_rules.model import manifests as models


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule of a manifest. owner: what diagnostics call it. compiled: None if it has errors."""

    owner: str
    spec: models.RuleSpec
    compiled: compiled.CompiledRule | None


def is_manifest(document: documents.Document) -> bool:
    """Whether the file holds resources, by how they must begin."""
    return any(line.startswith("apiVersion:") for line in document.text.splitlines())


def rules(files: Iterable[documents.Document], found: list[Diagnostic]) -> list[Rule]:
    """The rules of all manifests, which may use the macros and lists of rule sets among them."""
    bodies = [body for file in files for body in _bodies(file, found)]
    sets = []
    for body in bodies:
        if body.get("kind") == models.Kind.RULE_SET:
            spec, problems = manifests.parse(models.RuleSetSpec, body.get("spec") or {}, _owner(body))
            found += problems
            if spec is not None:
                sets.append(manifests.RuleSet(_owner(body), spec))
    loaded = manifests.load_sets(sets)
    shared = library.Library(loaded.loaded)
    found += [*loaded.loaded.diagnostics, *shared.diagnostics]
    return [rule for body in bodies if (rule := _rule(body, shared, found)) is not None]


def _rule(body: Mapping[str, Any], shared: library.Library, found: list[Diagnostic]) -> Rule | None:
    kinds: dict[str, type[models.RuleSpec]] = {
        models.Kind.RULE: models.RuleSpec,
        models.Kind.CLUSTER_RULE: models.ClusterRuleSpec,
    }
    model = kinds.get(str(body.get("kind")))
    if model is None:
        return None
    owner = _owner(body)
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


def _owner(body: Mapping[str, Any]) -> str:
    """As the operator calls it: ``falconrule/team/shell``."""
    metadata = body["metadata"]
    namespaced = body.get("kind") == models.Kind.RULE
    parts = [str(body.get("kind")).lower(), *([str(metadata.get("namespace", "default"))] if namespaced else [])]
    return "/".join([*parts, str(metadata["name"])])
