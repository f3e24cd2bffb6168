"""What Falcon's custom resources hold: the specs that users write.

Another spelling of what rule files hold: macros, lists and exceptions are the models of `items`,
narrowed to what an API server can check. `falcon_rules.crds` turns these models into schemas, so
every docstring and description here is what `kubectl explain` prints. What the operator writes
back is in `statuses`.
"""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Annotated, Any, ClassVar, Literal, TypeAlias

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema, alias_generators, model_validator
from pydantic_core import PydanticCustomError

from falcon_rules import bundle
from falcon_rules.model import items, kinds, plain

GROUP = "falcon.dev"
VERSION = "v1alpha1"

MAX_TEXT = 1_048_576
"""Characters of one condition or rule set: what the API server stores of one object is 1.5 MiB."""
_MAX_NAME = 253
_MAX_LABEL = 317
"""A label's key: a prefix of 253, a slash, a name of 63."""

_DURATION = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,9})?)(ms|s|m|h|d)")
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


class Kind(StrEnum):
    """The kinds of resources in this API group."""

    RULE = "FalconRule"
    CLUSTER_RULE = "ClusterFalconRule"
    RULE_SET = "FalconRuleSet"
    NODE = "FalconNode"


class Section(BaseModel):
    """Keys are camelCase as everywhere in Kubernetes; a key that is not known is an error."""

    model_config: ClassVar[ConfigDict] = ConfigDict(
        frozen=True, extra="forbid", populate_by_name=True, alias_generator=alias_generators.to_camel
    )


def seconds(duration: str) -> float:
    """``1m30s`` as 90.0. Raises ValueError."""
    matches = list(_DURATION.finditer(duration))
    if not matches or "".join(match.group() for match in matches) != duration:
        raise ValueError("must be a duration such as 30s, 5m or 1h30m")
    return sum(float(match.group(1)) * _SECONDS[match.group(2)] for match in matches)


def _duration(value: Any) -> Any:
    try:
        total = seconds(value) if isinstance(value, str) else 0.0
    except ValueError as error:
        raise PydanticCustomError("falcon", "{what}", {"what": str(error)}) from None
    if total <= 0:
        raise PydanticCustomError("falcon", "must be a duration longer than nothing, such as 30s")
    return value


Duration: TypeAlias = Annotated[
    str, Field(pattern=r"^([0-9]+(\.[0-9]+)?(ms|s|m|h|d))+$", max_length=32), BeforeValidator(_duration)
]
Priority: TypeAlias = Annotated[
    kinds.PriorityName, WithJsonSchema({"type": "string", "enum": list(kinds.PRIORITY_SPELLINGS)})
]
Text: TypeAlias = Annotated[kinds.TextValue, Field(min_length=1, max_length=MAX_TEXT)]
LabelKey: TypeAlias = Annotated[str, Field(min_length=1, max_length=_MAX_LABEL)]
LabelValue: TypeAlias = Annotated[str, Field(max_length=63)]
Labels: TypeAlias = Annotated[dict[LabelKey, LabelValue], Field(max_length=64)]
Globs: TypeAlias = Annotated[
    tuple[Annotated[str, Field(min_length=1, max_length=512)], ...],
    Field(max_length=100, json_schema_extra={"x-kubernetes-list-type": "set"}),
]


def _keyed(key: str) -> dict[str, Any]:
    return {"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": [key]}


class MacroSpec(items.MacroItem):
    """A named condition that other conditions use by its name."""

    model_config = ConfigDict(extra="forbid")

    macro: Annotated[
        str,
        Field(pattern=r"^[a-zA-Z][a-zA-Z0-9_]*$", max_length=_MAX_NAME, description="Name: letters, digits and _."),
        BeforeValidator(kinds.text),
    ]
    condition: Annotated[Text, Field(description="What the name stands for.")]


class ListSpec(items.ListItem):
    """Named values that conditions use by the name."""

    model_config = ConfigDict(extra="forbid")

    list: Annotated[
        str,
        Field(
            pattern=r"""^[^ \t\n\v\f\r()"'=,]+$""",
            max_length=_MAX_NAME,
            description="Name, without blanks, quotes, parentheses, = or commas.",
        ),
        BeforeValidator(kinds.text),
    ]
    items: Annotated[kinds.Scalars, Field(description="Values, or names of other lists.")]


class ExceptionSpec(items.CompleteExceptionItem):
    """Cases in which the rule does not hold, as in Falco's rule files."""

    model_config = ConfigDict(extra="forbid")

    name: Annotated[kinds.TextValue, Field(max_length=_MAX_NAME, description="Name of the exception.")]
    fields: Annotated[kinds.OneOrMany, Field(description="A field, or a list of fields.")]
    comps: Annotated[
        kinds.OneOrMany | None,
        BeforeValidator(kinds.one_or_many),
        Field(description="An operator for each field; default = (in for a single field)."),
    ] = None
    values: Annotated[
        kinds.ExceptionValues | None,
        BeforeValidator(kinds.sequence),
        BeforeValidator(plain.texts),
        Field(description="Values of the single field, or one list of values for each case."),
    ] = None


Macros: TypeAlias = Annotated[tuple[MacroSpec, ...], Field(max_length=1000, json_schema_extra=_keyed("macro"))]
Lists: TypeAlias = Annotated[tuple[ListSpec, ...], Field(max_length=1000, json_schema_extra=_keyed("list"))]


class Operator(StrEnum):
    """How a label is tested."""

    IN = "In"
    NOT_IN = "NotIn"
    EXISTS = "Exists"
    DOES_NOT_EXIST = "DoesNotExist"


class Requirement(Section):
    """One test of a label."""

    key: Annotated[LabelKey, Field(description="The label's key.")]
    operator: Annotated[Operator, Field(description="In, NotIn, Exists or DoesNotExist.")]
    values: Annotated[
        tuple[LabelValue, ...],
        Field(max_length=100, description="For In and NotIn.", json_schema_extra={"x-kubernetes-list-type": "atomic"}),
    ] = ()

    @model_validator(mode="after")
    def _values_fit(self) -> Requirement:
        if (self.operator in (Operator.IN, Operator.NOT_IN)) != bool(self.values):
            message = "needs values" if not self.values else "takes no values"
            raise PydanticCustomError("falcon", "{what}", {"what": f"the operator {self.operator} {message}"})
        return self


class PodSelector(Section):
    """Pods whose labels pass every test."""

    match_labels: Annotated[Labels, Field(description="Labels that a pod must carry.")] = Field(default_factory=dict)
    match_expressions: Annotated[
        tuple[Requirement, ...],
        Field(
            max_length=32,
            description="Further tests of labels.",
            json_schema_extra={"x-kubernetes-list-type": "atomic"},
        ),
    ] = ()


class Scope(Section):
    """Which containers of its namespace a rule sees; without it, all of them."""

    pod_selector: Annotated[PodSelector | None, Field(description="Pods, by their labels.")] = None
    container_names: Annotated[Globs, Field(description="Names of containers; * and ? are wildcards.")] = ()
    images: Annotated[Globs, Field(description="Images, with or without tag; * and ? are wildcards.")] = ()


class ClusterScope(Scope):
    """Which containers a rule sees, and whether it sees the hosts."""

    host: Annotated[bool, Field(description="Whether processes outside of containers are seen.")] = True


class RateLimit(Section):
    """At most so many alerts in a time; the next alert tells how many were held back."""

    alerts: Annotated[int, Field(ge=1, le=1_000_000, description="How many.")]
    per: Annotated[Duration, Field(description="In how much time, such as 30s or 5m.")] = "1m"
    key: Annotated[bundle.LimitKey, Field(description="What is counted by itself: each Container, or the Rule.")] = (
        bundle.LimitKey.CONTAINER
    )


class RuleTest(Section):
    """An event written down by its fields, and whether the rule must hold for it. Tried at each change of
    the rule; a rule that fails its test does not take effect."""

    name: Annotated[str, Field(min_length=1, max_length=_MAX_NAME, description="Name of the test.")]
    event: Annotated[
        dict[str, Any],
        Field(
            description="Fields and their values, such as evt.type: execve. A field that is missing has no value.",
            json_schema_extra={"x-kubernetes-preserve-unknown-fields": True},
        ),
    ]
    match: Annotated[bool, Field(description="Whether the rule must hold.")] = True


class RuleSpec(Section):
    """What to look for in the pods of this namespace, and what to say then."""

    rule: Annotated[
        str | None,
        Field(min_length=1, max_length=_MAX_NAME, description="Name that alerts show; default: the resource's name."),
    ] = None
    description: Annotated[str, Field(max_length=MAX_TEXT, description="What the rule is for.")] = ""
    condition: Annotated[Text, Field(description="When the rule holds, in Falco's language.")]
    output: Annotated[Text, Field(description="Text of the alert; %field is replaced by the field's value.")]
    priority: Annotated[Priority, Field(description="How urgent an alert is.")]
    source: Annotated[Literal["syscall"], Field(description="Where events come from.")] = "syscall"
    enabled: Annotated[bool, Field(description="false switches the rule off.")] = True
    mode: Annotated[bundle.Mode, Field(description="Shadow counts matches and never alerts.")] = bundle.Mode.ACTIVE
    tags: Annotated[
        tuple[Annotated[str, Field(min_length=1, max_length=_MAX_NAME)], ...],
        Field(
            max_length=100,
            description="Words to group rules by.",
            json_schema_extra={"x-kubernetes-list-type": "set"},
        ),
    ] = ()
    macros: Annotated[Macros, Field(description="Macros of this rule alone; they go before shared ones.")] = ()
    lists: Annotated[Lists, Field(description="Lists of this rule alone; they go before shared ones.")] = ()
    exceptions: Annotated[
        tuple[ExceptionSpec, ...],
        Field(max_length=1000, description="When the rule does not hold.", json_schema_extra=_keyed("name")),
    ] = ()
    scope: Annotated[Scope, Field(description="Which containers the rule sees.")] = Scope()
    node_selector: Annotated[Labels, Field(description="Labels of the nodes where the rule runs; default: all.")] = (
        Field(default_factory=dict)
    )
    rate_limit: Annotated[RateLimit | None, Field(description="Limits the rule's alerts.")] = None
    extra_fields: Annotated[
        dict[Annotated[str, Field(min_length=1, max_length=_MAX_NAME)], Annotated[str, Field(max_length=4096)]],
        Field(max_length=64, description="Fixed fields added to output_fields of each alert."),
    ] = Field(default_factory=dict)
    tests: Annotated[
        tuple[RuleTest, ...],
        Field(max_length=200, description="Tests that the rule must pass.", json_schema_extra=_keyed("name")),
    ] = ()


class ClusterRuleSpec(RuleSpec):
    """What to look for in the whole cluster and on its hosts, and what to say then."""

    scope: Annotated[ClusterScope, Field(description="Which containers the rule sees, and whether hosts.")] = (
        ClusterScope()
    )


class RuleSetSpec(Section):
    """Macros and lists that all rules can use, and rules in Falco's own YAML."""

    macros: Annotated[Macros, Field(description="Shared macros.")] = ()
    lists: Annotated[Lists, Field(description="Shared lists.")] = ()
    rules: Annotated[
        str,
        Field(max_length=MAX_TEXT, description="A Falco rule file, taken verbatim: rules, macros, lists, overrides."),
    ] = ""
    node_selector: Annotated[Labels, Field(description="Labels of the nodes where the rules run; default: all.")] = (
        Field(default_factory=dict)
    )
