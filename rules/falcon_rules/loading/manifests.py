"""From manifests to definitions and to rules of a bundle.

The specs of custom resources are read into the same definitions as rule files, so everything
behind is shared. What only manifests have (scope, mode, limits) is put on at the end, by `rule_of`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import pydantic

from falcon_rules import bundle, diagnostics, typed
from falcon_rules.compiler import compiled
from falcon_rules.diagnostics import Code, Diagnostic, Place, Severity
from falcon_rules.loading import loader
from falcon_rules.model import definitions, documents, manifests, plain, reading

Spec = TypeVar("Spec", bound=manifests.Section)

_KEYS = {"rule": "rule", "desc": "description"}
"""What the keys of rule files are called in specs, where that differs."""


def parse(model: type[Spec], spec: Mapping[str, Any], owner: str) -> tuple[Spec | None, tuple[Diagnostic, ...]]:
    """The spec as a model, or everything that is wrong with it. owner: whose, for places (``falconrule/team/x``)."""
    try:
        return model.model_validate(spec), ()
    except pydantic.ValidationError as error:
        return None, tuple(_explained(model, spec, owner, each) for each in error.errors(include_url=False))


def _explained(model: type[Spec], spec: Mapping[str, Any], owner: str, error: Any) -> Diagnostic:
    path = "spec" + "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in error["loc"])
    suggestion = (error.get("ctx") or {}).get("suggestion")
    if error["type"] == "missing":
        message = f"{path} is missing"
    elif error["type"] == "extra_forbidden":
        message = f"{path} is no field"
        if len(error["loc"]) == 1:
            known = [str(each.alias or name) for name, each in model.model_fields.items()]
            suggestion = diagnostics.suggest(str(error["loc"][0]), set(known) - spec.keys())
    else:
        message = f"{path} {error['msg'].replace('Input should', 'must')}"
    given = error["input"] if isinstance(error["input"], str) and "\n" not in error["input"] else ""
    place = Place(f"{owner}: {path}", 1, 1, given[:200], max(1, min(len(given), 200)))
    return Diagnostic(Severity.ERROR, Code.BAD_MANIFEST, message, place, suggestion)


def rule_definition(
    spec: manifests.RuleSpec, owner: str, name: str
) -> tuple[definitions.RuleDefinition | None, definitions.Loaded]:
    """The rule and what it brings along; findings are in the latter's diagnostics. name: of the resource."""
    loaded = definitions.Loaded()
    index = _apply_names(loaded, spec.macros, spec.lists, owner, 0)
    display = spec.rule or name
    data: dict[str, Any] = {
        "rule": display,
        "condition": spec.condition,
        "output": spec.output,
        # Rule files insist on a description, manifests do not.
        "desc": spec.description or display,
        "priority": spec.priority.label,
        "source": spec.source,
        "enabled": spec.enabled,
        "tags": spec.tags,
        "exceptions": [each.model_dump(exclude_none=True) for each in spec.exceptions],
    }
    paths = {key: f"{owner}: spec.{_KEYS.get(key, key)}" for key in data}
    loader.apply(loaded, plain.entry("rule", data, paths, index))
    definition = loaded.rules.get(display)
    if definition is not None:
        definition = dataclasses.replace(definition, description=spec.description)
    return definition, loaded


def _apply_names(
    loaded: definitions.Loaded,
    macros: Iterable[manifests.MacroSpec],
    lists: Iterable[manifests.ListSpec],
    owner: str,
    index: int,
) -> int:
    for kind, items in (("list", lists), ("macro", macros)):
        for number, item in enumerate(items):
            data = item.model_dump()
            paths = {key: f"{owner}: spec.{kind}s[{number}].{key}" for key in data}
            loader.apply(loaded, plain.entry(kind, data, paths, index))
            index += 1
    return index


@dataclass(frozen=True, slots=True)
class RuleSet:
    """One FalconRuleSet. owner: what diagnostics and `Sets.owners` call it."""

    owner: str
    spec: manifests.RuleSetSpec

    @property
    def document(self) -> documents.Document:
        return documents.Document(f"{self.owner}: spec.rules", self.spec.rules)


@dataclass(frozen=True, slots=True)
class Sets:
    """What all sets define together. owners: of each rule, by its name: the set that defined it first."""

    loaded: definitions.Loaded
    owners: Mapping[str, str]


def load_sets(sets: Iterable[RuleSet]) -> Sets:
    """Loads the sets in the order given, as files of one folder: a later one may append to what an earlier one
    defines, or replace it. Within a set, its lists and macros come before the rule file."""
    loaded = definitions.Loaded()
    owners: dict[str, str] = {}
    index = 0
    for each in sets:
        index = _apply_names(loaded, each.spec.macros, each.spec.lists, each.owner, index)
        index = loader.load_document(loaded, each.document, index)
        for name in loaded.rules:
            owners.setdefault(name, each.owner)
    return Sets(loaded, owners)


def unreadable(each: RuleSet) -> tuple[Diagnostic, ...]:
    """Why the set's rule file is no YAML; then none of it counts. Empty if it is."""
    found: list[Diagnostic] = []
    for _ in reading.entries(each.document, 0, found):
        break
    return tuple(one for one in found if one.code is Code.ERR_YAML_PARSE)


def rule_of(result: compiled.CompiledRule, spec: manifests.RuleSpec, uid: str, namespace: str | None) -> bundle.Rule:
    """The compiled rule with everything that its manifest adds. namespace: None for cluster-wide rules."""
    rule = result.to_bundle()
    scope = spec.scope
    selector = scope.pod_selector
    requirements = tuple(map(_label_test, selector.match_expressions)) if selector is not None else ()
    limit = spec.rate_limit
    return dataclasses.replace(
        rule,
        uid=uid,
        condition=typed.All((rule.condition, *requirements)) if requirements else rule.condition,
        mode=spec.mode,
        scope=bundle.Scope(
            namespace=namespace,
            pod_labels=tuple(sorted(selector.match_labels.items())) if selector is not None else (),
            container_names=scope.container_names,
            images=scope.images,
            host=isinstance(scope, manifests.ClusterScope) and scope.host and not requirements,
        ),
        rate_limit=None if limit is None else bundle.RateLimit(limit.alerts, manifests.seconds(limit.per), limit.key),
        extra_fields=tuple(sorted(spec.extra_fields.items())),
    )


def _label_test(requirement: manifests.Requirement) -> typed.Condition:
    """A test of a pod's label, as Kubernetes defines it: NotIn also holds where the label is missing."""
    field = typed.FieldRef("k8s.pod.label", requirement.key, typed.Kind.TEXT)
    exists = typed.Comparison("exists", field)
    match requirement.operator:
        case manifests.Operator.EXISTS:
            return exists
        case manifests.Operator.DOES_NOT_EXIST:
            return typed.Negation(exists)
    among = typed.Comparison("in", field, tuple(value.encode() for value in requirement.values))
    return among if requirement.operator is manifests.Operator.IN else typed.Negation(among)


def about(found: Iterable[Diagnostic], owner: str) -> Iterator[Diagnostic]:
    """The findings that stand in one resource's texts."""
    return (each for each in found if each.place.file.startswith(f"{owner}: "))
