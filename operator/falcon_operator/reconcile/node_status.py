"""What the status of a FalconNode should say: one sensor as the operator knows it."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any

from falcon_operator.reconcile import packages, reports, status
from falcon_rules.model import statuses
from falcon_rules.model.statuses import ConditionType, Reason

_REFRESH = 600.0
"""Seconds after which a contact or lost events alone are worth a write: 500 nodes make less than one a second."""
_LIVELY = ("lastContact", "drops")


def of(
    state: reports.NodeReport, planned: packages.Content | None, old: Mapping[str, Any], now: datetime.datetime
) -> dict[str, Any]:
    """The status that the node's FalconNode should have. old: the one it has."""
    report = state.report
    contact = state.last_contact
    return status.dump(
        statuses.NodeStatus(
            conditions=status.conditions({ConditionType.READY: _judge(state)}, old, now),
            wanted=state.wanted,
            loaded=state.loaded,
            revision=report.revision if report is not None and report.digest else None,
            rules=None if planned is None else len(planned.rules),
            backend=report.backend[:64] if report is not None else "",
            kernel=report.kernel[:128] if report is not None else "",
            version=report.version[:64] if report is not None else "",
            drops=None if report is None or report.drops is None else statuses.SensorDrops(total=report.drops),
            last_contact=(
                None if contact is None else status.timestamp(datetime.datetime.fromtimestamp(contact, datetime.UTC))
            ),
        )
    )


def changed(old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
    """Whether writing `new` would tell anybody anything; a contact alone only now and then."""
    if status.changed(_still(old), _still(new)):
        return True
    if old.get("lastContact") == new.get("lastContact"):
        return False
    return _age(old, new) >= _REFRESH


def _judge(state: reports.NodeReport) -> status.Judgement:
    if state.trouble is not None:
        return status.Judgement(False, state.trouble.failure, state.trouble.message)
    if state.report is None:
        return status.Judgement(False, Reason.UNKNOWN, "the sensor has not answered yet")
    if not state.is_current:
        return status.Judgement(False, Reason.PENDING, "the sensor does not have the wanted bundle yet")
    if errors := state.report.rule_errors:
        message = f"{len(errors)} rules are not in force, {errors[0].uid}: {errors[0].reason}"
        return status.Judgement(False, Reason.RULES_REFUSED, message)
    return status.Judgement(True, Reason.READY)


def _still(value: Mapping[str, Any]) -> dict[str, Any]:
    return {key: each for key, each in value.items() if key not in _LIVELY}


def _age(old: Mapping[str, Any], new: Mapping[str, Any]) -> float:
    """Seconds from one contact to the other; any number too large if one is missing or unreadable."""
    try:
        times = [datetime.datetime.fromisoformat(each["lastContact"]) for each in (old, new)]
        return (times[1] - times[0]).total_seconds()
    except (KeyError, TypeError, ValueError):
        return _REFRESH
