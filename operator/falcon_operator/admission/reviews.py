"""AdmissionReview v1: what the API server asks, what it is answered, and what kubectl prints of that.

What must always pass, passes without being looked at: deletions, objects on their way out, and
writes that leave the spec as it is, so that a broken rule that is stored already can still be labelled,
released or removed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from falcon_operator.reconcile import resources
from falcon_rules.diagnostics import Diagnostic

_MOST_SHOWN: Final = 8
"""Findings in one answer: as many as fit a screen with their source lines."""
_MOST_WARNING: Final = 250
"""Characters: API servers cut longer warnings, and all of them at 4 KiB together."""


class Malformed(Exception):
    """Not an AdmissionReview that we understand; the message says what is missing."""


@dataclass(frozen=True, slots=True)
class Request:
    """What is to be decided. resource: None where nothing needs to be looked at."""

    uid: str
    resource: resources.Resource | None


@dataclass(frozen=True, slots=True)
class Answer:
    """errors refuse the resource, warnings are shown to whoever applied it."""

    errors: Sequence[Diagnostic] = ()
    warnings: Sequence[str] = ()


def read(review: Any) -> Request:
    """The request of an AdmissionReview's JSON. Raises Malformed."""
    try:
        request = review["request"]
        uid = request["uid"]
        if request["operation"] not in ("CREATE", "UPDATE"):
            return Request(uid, None)
        new, old = request["object"], request.get("oldObject")
        if new["metadata"].get("deletionTimestamp") or (old and new.get("spec") == old.get("spec")):
            return Request(uid, None)
        return Request(uid, _resource(request, new))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise Malformed(f"not an AdmissionReview of a Falcon resource: {error!r}") from None


def _resource(request: dict[str, Any], body: dict[str, Any]) -> resources.Resource:
    metadata = body["metadata"]
    # With generateName there is no name yet; with kubectl apply the namespace may be in the request alone.
    name = metadata.get("name") or request.get("name") or metadata.get("generateName") or "unnamed"
    namespace = metadata.get("namespace") or request.get("namespace")
    whole = {**metadata, "name": name, "namespace": namespace}
    return resources.Resource.of({**body, "kind": request["kind"]["kind"], "metadata": whole})


def write(uid: str, answer: Answer) -> dict[str, Any]:
    """The AdmissionReview that answers."""
    response: dict[str, Any] = {"uid": uid, "allowed": not answer.errors}
    if answer.errors:
        response["status"] = {"code": 422, "reason": "Invalid", "message": message(answer.errors)}
    if answer.warnings:
        response["warnings"] = [_cut(each) for each in answer.warnings[:_MOST_SHOWN]]
    return {"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "response": response}


def message(errors: Sequence[Diagnostic]) -> str:
    """What kubectl prints after "denied the request:": every finding with its source line below it."""
    count = f"{len(errors)} errors" if len(errors) > 1 else "1 error"
    parts = [f"{count}, nothing was changed\n", *(each.render() + "\n" for each in errors[:_MOST_SHOWN])]
    if len(errors) > _MOST_SHOWN:
        parts.append(f"and {len(errors) - _MOST_SHOWN} more")
    return "\n".join(parts)


def warning(finding: Diagnostic) -> str:
    """One line, because warnings travel in a header."""
    place = finding.place
    hint = f"; did you mean {finding.suggestion!r}?" if finding.suggestion else ""
    return f"{place.file}:{place.line}:{place.column}: {finding.message}{hint}"


def _cut(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _MOST_WARNING else f"{line[: _MOST_WARNING - 4]} ..."
