"""What the status of a resource should say. Written by whoever owns the way to the API, and only if `changed`.

Top-level keys are always all there, None for what there is not: as a merge patch that takes away
what an earlier status had.
"""

from __future__ import annotations

import datetime
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from falcon_operator.reconcile import catalog, inkernel, progress, resources
from falcon_rules.diagnostics import Diagnostic
from falcon_rules.model import manifests, statuses
from falcon_rules.model.statuses import ConditionStatus, ConditionType, Reason

_LONGEST = 1024
"""Characters of a message or reason that are shown; a status is no place for a page of text."""
_MOST_EVENT_TYPES = 64


@dataclass(frozen=True, slots=True)
class Judgement:
    """One condition before it gets its time. reason: one word for programs."""

    holds: bool
    reason: str
    message: str = ""


def of(
    ref: resources.Ref,
    rules: catalog.Catalog,
    fleet: progress.Fleet,
    old: Mapping[str, Any],
    now: datetime.datetime,
) -> dict[str, Any]:
    """The status that the resource should have. old: the one it has, for times of transitions.

    Raises KeyError for a resource that the catalog does not know.
    """
    resource = rules.resource(ref)
    if resource is None:
        raise KeyError(ref)
    entries = rules.of(ref)
    problems = list(rules.problems(ref))
    found = [*problems, *(each for entry in entries for each in entry.diagnostics)]
    counts = fleet.counts({entry.uid: entry.hash for entry in entries if entry.in_force is not None})
    accepted = _accepted(entries, rules.rejections(ref))
    compiled = _compiled(entries, found, accepted, is_set=ref.kind is manifests.Kind.RULE_SET)
    distributed = _distributed(entries, counts)
    judgements = {
        ConditionType.ACCEPTED: accepted,
        ConditionType.COMPILED: compiled,
        ConditionType.DISTRIBUTED: distributed,
        ConditionType.READY: _ready(entries, (accepted, compiled, distributed)),
    }
    return dump(
        statuses.RuleStatus(
            observed_generation=resource.generation,
            conditions=conditions(judgements, old, now, resource.generation),
            compiled=_in_force(entries, is_set=ref.kind is manifests.Kind.RULE_SET),
            diagnostics=tuple(_entry(each, ref) for each in _first(found)),
            nodes=statuses.NodeCounts(desired=counts.desired, loaded=counts.loaded, failed=len(counts.failed)),
            failed_nodes=tuple(
                statuses.FailedNode(name=name, reason=_cut(reason))
                for name, reason in counts.failed[: statuses.MAX_FAILED_NODES]
            ),
        )
    )


def changed(old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
    """Whether writing `new` would tell anybody anything."""
    return bool(_normal(old) != _normal(new))


def conditions(
    judgements: Mapping[ConditionType, Judgement],
    old: Mapping[str, Any],
    now: datetime.datetime,
    generation: int | None = None,
) -> tuple[statuses.Condition, ...]:
    """Conditions with the times of their last transitions: those of `old` where the status is the same."""
    before = {each.get("type"): each for each in old.get("conditions") or () if isinstance(each, Mapping)}
    result = []
    for kind, judgement in judgements.items():
        status = ConditionStatus.TRUE if judgement.holds else ConditionStatus.FALSE
        earlier = before.get(str(kind), {})
        since = earlier.get("lastTransitionTime") if earlier.get("status") == str(status) else None
        result.append(
            statuses.Condition(
                type=str(kind),
                status=status,
                reason=judgement.reason,
                message=_cut(judgement.message),
                last_transition_time=since or timestamp(now),
                observed_generation=generation,
            )
        )
    return tuple(result)


def timestamp(moment: datetime.datetime) -> str:
    """As Kubernetes writes times."""
    return moment.astimezone(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _accepted(entries: Sequence[catalog.Entry], rejections: Sequence[Diagnostic]) -> Judgement:
    wrong = [*rejections]
    for entry in entries:
        if entry.verdict is catalog.Verdict.INVALID:
            wrong += entry.diagnostics
    if wrong:
        return Judgement(False, Reason.INVALID, wrong[0].message)
    return Judgement(True, Reason.ACCEPTED)


def _compiled(
    entries: Sequence[catalog.Entry], found: Sequence[Diagnostic], accepted: Judgement, *, is_set: bool
) -> Judgement:
    if not accepted.holds:
        return Judgement(False, Reason.INVALID, accepted.message)
    errors = [each for each in found if each.is_error]
    bad = [entry for entry in entries if entry.verdict not in (catalog.Verdict.GOOD, catalog.Verdict.SKIPPED)]
    if not errors and not bad:
        return Judgement(True, Reason.COMPILED)
    message = _told(errors[0]) if errors else "a rule is missing in the rule file"
    if len(errors) > 1:
        message += f" (and {len(errors) - 1} more)"
    if not is_set:
        return Judgement(False, str(bad[0].verdict) if bad else Reason.COMPILE_ERROR, message)
    some_good = len(bad) < len(entries)
    return Judgement(False, Reason.PARTLY_COMPILED if some_good else Reason.COMPILE_ERROR, message)


def _distributed(entries: Sequence[catalog.Entry], counts: progress.Counts) -> Judgement:
    active = [entry for entry in entries if entry.in_force is not None]
    if entries and not any(entry.enabled for entry in entries):
        return Judgement(False, Reason.DISABLED, "it is switched off")
    if not active:
        return Judgement(not entries, Reason.NOTHING_TO_LOAD)
    if counts.desired == 0:
        return Judgement(False, Reason.NO_NODES, "no node with a sensor matches nodeSelector")
    if counts.loaded == counts.desired:
        return Judgement(True, Reason.LOADED)
    if counts.failed:
        node, reason = counts.failed[0]
        return Judgement(False, Reason.NODES_FAILED, f"{len(counts.failed)} of {counts.desired}, {node}: {reason}")
    return Judgement(False, Reason.PENDING, "some sensors have not got it yet")


def _ready(entries: Sequence[catalog.Entry], steps: Iterable[Judgement]) -> Judgement:
    for step in steps:
        if not step.holds:
            kept = any(entry.in_force is not None and entry.verdict is not catalog.Verdict.GOOD for entry in entries)
            if kept and step.reason in (Reason.INVALID, Reason.COMPILE_ERROR, Reason.TEST_FAILED):
                message = "the last version that compiled stays in force"
                return Judgement(False, Reason.LAST_GOOD, f"{step.message}; {message}")
            return step
    return Judgement(True, Reason.READY)


def _in_force(entries: Sequence[catalog.Entry], *, is_set: bool) -> statuses.CompiledPart | None:
    good = [entry for entry in entries if entry.good is not None]
    if not good:
        return None
    types = [entry.good.event_types for entry in good if entry.good is not None]
    named = sorted({name for each in types if each is not None for name in each})
    everything = any(each is None for each in types)
    joined = "".join(f"{entry.uid}={entry.hash}\n" for entry in good)
    found = [inkernel.summary(entry.good, entry.hash) for entry in good if entry.good is not None]
    told = [each for each in found if each is not None]
    flooding = sorted({event for each in told for event in each.everything})
    return statuses.CompiledPart(
        hash=f"sha256:{hashlib.sha256(joined.encode()).hexdigest()}" if is_set else good[0].hash,
        event_types=() if everything else tuple(named[:_MOST_EVENT_TYPES]),
        in_kernel=not flooding if len(told) == len(found) else not everything,
        decided_in_kernel=() if is_set else _comparisons(text for each in told for text in each.decided),
        left_to_user_space=() if is_set else _comparisons(text for each in told for text in each.left),
        every_event_to_user_space=tuple(flooding[:_MOST_EVENT_TYPES]),
        rules=len(good) if is_set else None,
    )


def _comparisons(texts: Iterable[str]) -> tuple[str, ...]:
    """As many and as much of each as a status has room for."""
    most = statuses.MAX_COMPARISON
    cut = (text if len(text) <= most else f"{text[: most - 4]} ..." for text in texts)
    return tuple(cut)[: statuses.MAX_COMPARISONS]


def _first(found: Iterable[Diagnostic]) -> list[Diagnostic]:
    """The diagnostics that there is room for: errors go before the rest."""
    distinct = list(dict.fromkeys(found))
    return sorted(distinct, key=lambda each: not each.is_error)[: statuses.MAX_DIAGNOSTICS]


def _entry(found: Diagnostic, ref: resources.Ref) -> statuses.DiagnosticEntry:
    return statuses.DiagnosticEntry(
        severity=found.severity,
        code=str(found.code),
        document=found.place.file.removeprefix(f"{ref}: ")[:512],
        line=found.place.line,
        column=found.place.column,
        message=_cut(found.message),
        suggestion=found.suggestion[:512] if found.suggestion else None,
    )


def _told(found: Diagnostic) -> str:
    place = found.place
    meant = f"; did you mean {found.suggestion!r}?" if found.suggestion else ""
    return f"{place.file.partition(': ')[2] or place.file}:{place.line}:{place.column}: {found.message}{meant}"


def _cut(text: str) -> str:
    """Short, and text that JSON can carry whatever bytes it came from."""
    safe = text.encode("utf-8", "replace").decode()
    return safe if len(safe) <= _LONGEST else safe[: _LONGEST - 1] + "…"


def dump(part: statuses.Part) -> dict[str, Any]:
    """As the API has it, every top-level key there."""
    whole = part.model_dump(by_alias=True, mode="json")
    return {key: None if value == "" else _without_none(value) for key, value in whole.items()}


def _without_none(value: Any) -> Any:
    # Empty text is left out too: some API servers (1.20) take it for null, and then refuse it.
    if isinstance(value, dict):
        return {key: _without_none(each) for key, each in value.items() if each not in (None, "")}
    return [_without_none(each) for each in value] if isinstance(value, list) else value


def _normal(value: Any) -> Any:
    """Without what an API server may leave out or add, and without times of transitions."""
    if isinstance(value, Mapping):
        parts = {key: _normal(each) for key, each in value.items() if key != "lastTransitionTime"}
        return {key: each for key, each in parts.items() if each not in (None, "", [], {})}
    return [_normal(each) for each in value] if isinstance(value, list | tuple) else value
