"""What comes in: custom resources and nodes, reduced to what decisions need.

Handlers make these from watch events; everything else of this package reads them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from falcon_rules.model import manifests


@dataclass(frozen=True, slots=True, order=True)
class Ref:
    """Which resource. `namespace` is "" for cluster-scoped kinds."""

    kind: manifests.Kind
    namespace: str
    name: str

    def __str__(self) -> str:
        """``falconrule/team/shells``, ``clusterfalconrule/shells``: as kubectl takes it, with the namespace."""
        return "/".join(filter(None, (self.kind.lower(), self.namespace, self.name)))


@dataclass(frozen=True, slots=True)
class Resource:
    """One custom resource as the API server has it. `spec` and `status` are plain data, possibly malformed.

    uid: the object's own; a resource that was deleted and made again under one name has another.
    """

    ref: Ref
    generation: int
    spec: Mapping[str, Any]
    status: Mapping[str, Any] = field(default_factory=dict)
    uid: str = ""

    @classmethod
    def of(cls, body: Mapping[str, Any]) -> Resource:
        """From an object of the API. Raises KeyError or ValueError for an object of another group."""
        meta = body["metadata"]
        ref = Ref(manifests.Kind(body["kind"]), meta.get("namespace") or "", meta["name"])
        spec = body.get("spec")
        return cls(
            ref,
            int(meta.get("generation", 0)),
            spec if isinstance(spec, Mapping) else {},
            body.get("status") or {},
            meta.get("uid", ""),
        )


@dataclass(frozen=True, slots=True)
class Node:
    """A node that has (or should have) a sensor. labels, uid: the Node object's, "" while there is none."""

    name: str
    labels: Mapping[str, str] = field(default_factory=dict)
    uid: str = ""

    def matches(self, selector: Mapping[str, str]) -> bool:
        """Whether the node carries every label of `selector`; an empty one matches all nodes."""
        return all(self.labels.get(key) == value for key, value in selector.items())
