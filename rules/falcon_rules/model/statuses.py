"""What the operator reports in the custom resources, and nobody else writes.

Plain shapes: what they say is decided by `falcon_operator.reconcile.status`. The models exist for
the schemas (`falcon_rules.crds`) and to have one spelling of every key.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, ClassVar

from pydantic import BaseModel, ConfigDict, Field, alias_generators

from falcon_rules.diagnostics import Severity

MAX_DIAGNOSTICS = 20
MAX_COMPARISONS = 16
MAX_COMPARISON = 200
"""Of a rule's comparisons: how many are shown, and characters of each. `falcon-rules explain` shows all."""
MAX_FAILED_NODES = 10


class Part(BaseModel):
    """Keys are camelCase; unknown ones (of a newer operator) are passed over."""

    model_config: ClassVar[ConfigDict] = ConfigDict(
        frozen=True, extra="ignore", populate_by_name=True, alias_generator=alias_generators.to_camel
    )


class ConditionType(StrEnum):
    """In the order in which a rule reaches them."""

    ACCEPTED = "Accepted"
    """the resource is well-formed"""
    COMPILED = "Compiled"
    """the rule as it is now compiled and passed its tests"""
    DISTRIBUTED = "Distributed"
    """every sensor that should have this version of the rule has it in force"""
    READY = "Ready"
    """all of the above"""


class ConditionStatus(StrEnum):
    TRUE = "True"
    FALSE = "False"
    UNKNOWN = "Unknown"


class Reason(StrEnum):
    """Machine-readable reasons of conditions, besides what the compiler and sensors call theirs."""

    ACCEPTED = "Accepted"
    INVALID = "Invalid"
    """the spec is malformed"""
    COMPILED = "Compiled"
    COMPILE_ERROR = "CompileError"
    TEST_FAILED = "TestFailed"
    PARTLY_COMPILED = "PartlyCompiled"
    """a rule set with good and bad rules"""
    LAST_GOOD = "LastGoodInForce"
    """broken now; sensors keep the last version that compiled"""
    DISABLED = "Disabled"
    NOTHING_TO_LOAD = "NothingToLoad"
    """a rule set without rules, or a rule that never compiled"""
    NO_NODES = "NoNodes"
    """no sensor's node matches nodeSelector"""
    PENDING = "Pending"
    """some sensors have not got it yet"""
    NODES_FAILED = "NodesFailed"
    LOADED = "Loaded"
    READY = "Ready"
    RULES_REFUSED = "RulesRefused"
    """a sensor has the bundle but could not take some of its rules"""
    UNKNOWN = "Unknown"
    """a sensor that never answered"""


class Condition(Part):
    """One condition of a resource, as Kubernetes has them."""

    type: Annotated[str, Field(max_length=316, description="What this is about.")]
    status: Annotated[ConditionStatus, Field(description="Whether it is so.")]
    reason: Annotated[str, Field(max_length=1024, description="Why, in one word for programs.")]
    message: Annotated[str, Field(max_length=32768, description="Why, for people.")] = ""
    last_transition_time: Annotated[str, Field(description="Since when.", json_schema_extra={"format": "date-time"})]
    observed_generation: Annotated[
        int | None, Field(description="The generation that this is about.", json_schema_extra={"format": "int64"})
    ] = None


class DiagnosticEntry(Part):
    """One finding of the compiler."""

    severity: Annotated[Severity, Field(description="error, warning or note.")]
    code: Annotated[str, Field(max_length=64, description="For programs.")]
    document: Annotated[str, Field(max_length=512, description="Which text, such as spec.condition.")] = ""
    line: Annotated[int, Field(description="Line in that text, from 1.", json_schema_extra={"format": "int32"})]
    column: Annotated[int, Field(description="Column in that line, from 1.", json_schema_extra={"format": "int32"})]
    message: Annotated[str, Field(max_length=2048, description="What is wrong.")]
    suggestion: Annotated[str | None, Field(max_length=512, description="What was probably meant.")] = None


class CompiledPart(Part):
    """What the compiler made of the rule that is in force."""

    hash: Annotated[str, Field(max_length=80, description="Identity of the compiled rule.")]
    event_types: Annotated[
        tuple[str, ...],
        Field(
            max_length=64,
            description="Events that the rule looks at; empty: all.",
            json_schema_extra={"x-kubernetes-list-type": "atomic"},
        ),
    ] = ()
    in_kernel: Annotated[
        bool, Field(description="Whether the kernel itself refuses events of every type that the rule looks at.")
    ] = False
    decided_in_kernel: Annotated[
        tuple[Annotated[str, Field(max_length=MAX_COMPARISON)], ...],
        Field(
            max_length=MAX_COMPARISONS,
            description="Comparisons of the rule by which the kernel refuses events, the first ones.",
            json_schema_extra={"x-kubernetes-list-type": "atomic"},
        ),
    ] = ()
    left_to_user_space: Annotated[
        tuple[Annotated[str, Field(max_length=MAX_COMPARISON)], ...],
        Field(
            max_length=MAX_COMPARISONS,
            description="Comparisons that the sensor tests on the events that remain, the first ones.",
            json_schema_extra={"x-kubernetes-list-type": "atomic"},
        ),
    ] = ()
    every_event_to_user_space: Annotated[
        tuple[str, ...],
        Field(
            max_length=64,
            description="Event types of which every single event is sent to the sensor because of this rule: costly.",
            json_schema_extra={"x-kubernetes-list-type": "atomic"},
        ),
    ] = ()
    rules: Annotated[
        int | None, Field(description="Of a rule set: how many rules compiled.", json_schema_extra={"format": "int32"})
    ] = None


class NodeCounts(Part):
    """How far the rule has come."""

    desired: Annotated[int, Field(description="Sensors that should have it.", json_schema_extra={"format": "int32"})]
    loaded: Annotated[int, Field(description="Sensors that have it.", json_schema_extra={"format": "int32"})]
    failed: Annotated[
        int, Field(description="Sensors that refused it or cannot be reached.", json_schema_extra={"format": "int32"})
    ]


class FailedNode(Part):
    """A node without the rule."""

    name: Annotated[str, Field(max_length=253, description="Name of the node.")]
    reason: Annotated[str, Field(max_length=1024, description="What its sensor, or the way to it, said.")]


_BY_TYPE = {"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["type"]}
_ATOMIC = {"x-kubernetes-list-type": "atomic"}


class RuleStatus(Part):
    """What became of the rule; written by Falcon's operator alone."""

    observed_generation: Annotated[
        int, Field(description="The generation that this is about.", json_schema_extra={"format": "int64"})
    ]
    conditions: Annotated[
        tuple[Condition, ...],
        Field(description="Accepted, Compiled, Distributed, Ready.", json_schema_extra=_BY_TYPE),
    ] = ()
    compiled: Annotated[CompiledPart | None, Field(description="The version that is in force.")] = None
    diagnostics: Annotated[
        tuple[DiagnosticEntry, ...],
        Field(
            max_length=MAX_DIAGNOSTICS,
            description="The first findings about the current generation.",
            json_schema_extra=_ATOMIC,
        ),
    ] = ()
    nodes: Annotated[NodeCounts | None, Field(description="How many sensors have it.")] = None
    failed_nodes: Annotated[
        tuple[FailedNode, ...],
        Field(max_length=MAX_FAILED_NODES, description="Some of the failed nodes.", json_schema_extra=_ATOMIC),
    ] = ()


class SensorDrops(Part):
    """Events that a sensor lost."""

    total: Annotated[int, Field(description="Since it started.", json_schema_extra={"format": "int64"})] = 0


class NodeStatus(Part):
    """What the operator knows of one node's sensor."""

    conditions: Annotated[
        tuple[Condition, ...], Field(description="Ready: the sensor has the wanted bundle.", json_schema_extra=_BY_TYPE)
    ] = ()
    wanted: Annotated[str, Field(max_length=80, description="Digest of the bundle it should have.")] = ""
    loaded: Annotated[str, Field(max_length=80, description="Digest of the bundle it has in force.")] = ""
    revision: Annotated[int | None, Field(description="Revision in force.", json_schema_extra={"format": "int64"})] = (
        None
    )
    rules: Annotated[
        int | None, Field(description="How many rules it should have.", json_schema_extra={"format": "int32"})
    ] = None
    backend: Annotated[str, Field(max_length=64, description="How the sensor watches the kernel.")] = ""
    kernel: Annotated[str, Field(max_length=128, description="Kernel release.")] = ""
    version: Annotated[str, Field(max_length=64, description="Release of the sensor.")] = ""
    drops: Annotated[SensorDrops | None, Field(description="Lost events; brought up to date with other changes.")] = (
        None
    )
    last_contact: Annotated[
        str | None,
        Field(
            description="When it answered last; brought up to date at most every few minutes.",
            json_schema_extra={"format": "date-time"},
        ),
    ] = None
