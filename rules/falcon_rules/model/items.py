"""What rule files and manifests hold: rules, macros, lists, exceptions, and changes to them.

The models know nothing of YAML; `reading` makes them from files, other spellings may be read
into the same ones. Each form of an item is a model of its own, because each needs other keys.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from pydantic_core import PydanticCustomError

from falcon_rules import bundle
from falcon_rules.model import kinds


class Operation(StrEnum):
    APPEND = "append"
    REPLACE = "replace"


class Item(BaseModel):
    """Unknown keys are ignored here; whoever reads a file warns about them."""

    model_config = ConfigDict(frozen=True, extra="ignore", populate_by_name=True)


def _mapping(value: Any) -> Any:
    if not isinstance(value, dict):
        raise PydanticCustomError("falcon", "must be a mapping with at least a name")
    return value


class ExceptionItem(Item):
    """One exception. With `fields` a text, `values` are alternatives for it; with a list, rows."""

    name: kinds.TextValue
    fields: Annotated[kinds.OneOrMany | None, BeforeValidator(kinds.one_or_many)] = None
    comps: Annotated[kinds.OneOrMany | None, BeforeValidator(kinds.one_or_many)] = None
    values: Annotated[kinds.ExceptionValues | None, BeforeValidator(kinds.sequence)] = None


class CompleteExceptionItem(ExceptionItem):
    """An exception where it is defined first: only additions may leave `fields` out."""

    fields: Annotated[kinds.OneOrMany | None, BeforeValidator(kinds.one_or_many)]


def _exceptions(value: Any) -> Any:
    if value is None:
        return ()
    if not isinstance(value, (list, tuple)):
        raise PydanticCustomError("falcon", "must be a list of exceptions")
    return tuple(map(_mapping, value))


Exceptions = Annotated[tuple[ExceptionItem, ...], BeforeValidator(_exceptions)]
CompleteExceptions = Annotated[tuple[CompleteExceptionItem, ...], BeforeValidator(_exceptions)]


class RuleDefinition(Item):
    """A whole rule."""

    rule: kinds.TextValue
    condition: kinds.TextValue
    output: kinds.TextValue
    desc: kinds.TextValue
    priority: kinds.PriorityName
    source: kinds.TextValue = "syscall"
    enabled: kinds.Boolean = True
    tags: kinds.Scalars = ()
    exceptions: CompleteExceptions = ()
    warn_evttypes: kinds.Boolean = True
    skip_if_unknown_filter: Annotated[kinds.Boolean, Field(alias="skip-if-unknown-filter")] = False
    capture: kinds.Boolean = False
    capture_duration: kinds.Milliseconds = 0


class RuleChange(Item):
    """Parts of a rule that exists: `append: true`, or `override` with its operations.

    A key that is there must hold something; only `source` may be empty.
    """

    rule: kinds.TextValue
    condition: Annotated[str | None, BeforeValidator(kinds.text)] = None
    output: Annotated[str | None, BeforeValidator(kinds.text)] = None
    desc: Annotated[str | None, BeforeValidator(kinds.text)] = None
    priority: Annotated[bundle.Priority | None, BeforeValidator(kinds.priority)] = None
    source: str | None = None
    enabled: Annotated[bool | None, BeforeValidator(kinds.boolean)] = None
    tags: Annotated[kinds.Scalars | None, BeforeValidator(kinds.sequence)] = None
    exceptions: Annotated[Exceptions | None, BeforeValidator(_exceptions)] = None
    warn_evttypes: Annotated[bool | None, BeforeValidator(kinds.boolean)] = None
    skip_if_unknown_filter: Annotated[
        bool | None, BeforeValidator(kinds.boolean), Field(alias="skip-if-unknown-filter")
    ] = None
    capture: Annotated[bool | None, BeforeValidator(kinds.boolean)] = None
    capture_duration: Annotated[int | None, BeforeValidator(kinds.unsigned)] = None


class RuleSwitch(Item):
    """The old short form: a rule's name and `enabled`."""

    rule: kinds.TextValue
    enabled: kinds.Boolean


class MacroItem(Item):
    macro: kinds.TextValue
    condition: kinds.TextValue


class ListItem(Item):
    list: kinds.TextValue
    items: kinds.Scalars


class PluginAlternative(Item):
    name: kinds.TextValue
    version: kinds.TextValue


class PluginRequirement(PluginAlternative):
    alternatives: Annotated[
        tuple[Annotated[PluginAlternative, BeforeValidator(_mapping)], ...], BeforeValidator(kinds.sequence)
    ] = ()


class PluginRequirements(Item):
    required_plugin_versions: Annotated[
        tuple[Annotated[PluginRequirement, BeforeValidator(_mapping)], ...], BeforeValidator(kinds.sequence)
    ]


OVERRIDABLE: dict[str, dict[Operation, tuple[str, ...]]] = {
    "rule": {
        Operation.APPEND: ("condition", "output", "desc", "tags", "exceptions"),
        Operation.REPLACE: (
            *("condition", "output", "desc", "tags", "exceptions", "priority", "enabled"),
            *("capture", "capture_duration", "warn_evttypes", "skip-if-unknown-filter"),
        ),
    },
    "macro": dict.fromkeys(Operation, ("condition",)),
    "list": dict.fromkeys(Operation, ("items",)),
}
"""Which keys of which kind of item each operation of `override` may name."""
