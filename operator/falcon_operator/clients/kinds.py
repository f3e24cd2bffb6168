"""The kinds of objects that the operator reads or writes, and where the API server keeps them."""

from __future__ import annotations

from dataclasses import dataclass

FALCON_GROUP = "falcon.dev"
FALCON_VERSION = "v1alpha1"


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind. `group` is "" for the core API; `name` is the word in manifests."""

    group: str
    version: str
    plural: str
    name: str
    namespaced: bool

    @property
    def api_version(self) -> str:
        return f"{self.group}/{self.version}" if self.group else self.version

    def path(self, name: str | None = None, namespace: str | None = None, subresource: str | None = None) -> str:
        """The URL's path of one object, or of all of them; without `namespace`, of all namespaces."""
        root = f"/apis/{self.group}/{self.version}" if self.group else f"/api/{self.version}"
        parts = [root]
        if namespace is not None:
            parts += ["namespaces", namespace]
        parts.append(self.plural)
        if name is not None:
            parts.append(name)
        if subresource is not None:
            parts.append(subresource)
        return "/".join(parts)


def _falcon(plural: str, name: str, namespaced: bool) -> Kind:
    return Kind(FALCON_GROUP, FALCON_VERSION, plural, name, namespaced)


FALCON_RULE = _falcon("falconrules", "FalconRule", namespaced=True)
CLUSTER_FALCON_RULE = _falcon("clusterfalconrules", "ClusterFalconRule", namespaced=False)
FALCON_RULE_SET = _falcon("falconrulesets", "FalconRuleSet", namespaced=False)
FALCON_NODE = _falcon("falconnodes", "FalconNode", namespaced=False)

RULE_KINDS = (FALCON_RULE, CLUSTER_FALCON_RULE, FALCON_RULE_SET)
FALCON_KINDS = (*RULE_KINDS, FALCON_NODE)

NODE = Kind("", "v1", "nodes", "Node", namespaced=False)
POD = Kind("", "v1", "pods", "Pod", namespaced=True)
SECRET = Kind("", "v1", "secrets", "Secret", namespaced=True)
LEASE = Kind("coordination.k8s.io", "v1", "leases", "Lease", namespaced=True)
WEBHOOKS = Kind(
    "admissionregistration.k8s.io",
    "v1",
    "validatingwebhookconfigurations",
    "ValidatingWebhookConfiguration",
    namespaced=False,
)
