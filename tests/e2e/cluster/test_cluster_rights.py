"""The service accounts, exactly as the chart installs them: what they may, and above all what they may not."""

from __future__ import annotations

import json

import pytest
from tests.e2e.cluster.support import access
from tests.e2e.cluster.support.kubectl import Failed, Kubectl
from tests.e2e.cluster.support.receiver import Tracer
from tests.e2e.cluster.support.release import NAME, NAMESPACE, Release

# What each does is seen to work by all other tests: nothing there helps them out with an administrator's rights.
MAY = {
    "sensor": [
        ("list", "pods", "-A"),
        ("watch", "pods", "-A"),
        ("create", "tokenreviews.authentication.k8s.io"),
        ("create", "events.events.k8s.io", "-A"),
        ("patch", "events.events.k8s.io", "-A"),
        ("watch", f"secrets/{NAME}-tls", "-n", NAMESPACE),
    ],
    "operator": [
        ("list", "falconrules.falcon.dev", "-A"),
        ("watch", "clusterfalconrules.falcon.dev"),
        ("patch", "falconrules.falcon.dev", "-A", "--subresource=status"),
        ("create", "falconnodes.falcon.dev"),
        ("list", "nodes"),
        ("list", "pods", "-n", NAMESPACE),
        ("get", f"secrets/{NAME}-tls", "-n", NAMESPACE),
        ("patch", f"validatingwebhookconfigurations.admissionregistration.k8s.io/{NAME}"),
    ],
}
MUST_NOT = {
    "sensor": [
        ("get", "secrets", "-n", NAMESPACE),
        ("list", "secrets", "-A"),
        ("list", "secrets", "-n", NAMESPACE),
        ("list", f"secrets/{NAME}-ca", "-n", NAMESPACE),
        ("get", f"secrets/{NAME}-tls", "-n", NAMESPACE),
        ("get", "configmaps", "-A"),
        ("create", "pods", "-A"),
        ("delete", "pods", "-A"),
        ("create", "pods", "-A", "--subresource=exec"),
        ("list", "falconrules.falcon.dev", "-A"),
        ("patch", "falconrules.falcon.dev", "-A", "--subresource=status"),
        ("delete", "events.events.k8s.io", "-A"),
        ("create", "serviceaccounts", "-n", NAMESPACE, "--subresource=token"),
        ("patch", "nodes"),
        ("impersonate", "users"),
        ("*", "*"),
    ],
    "operator": [
        ("list", "secrets", "-n", NAMESPACE),
        ("get", "secrets", "-n", "kube-system"),
        ("create", "secrets", "-n", NAMESPACE),
        ("list", "pods", "-n", "default"),
        ("create", "pods", "-n", NAMESPACE),
        ("create", "pods", "-n", NAMESPACE, "--subresource=exec"),
        ("create", "falconrules.falcon.dev", "-A"),
        ("update", "falconrules.falcon.dev", "-A"),
        ("delete", "clusterfalconrules.falcon.dev"),
        ("patch", "nodes"),
        ("create", "serviceaccounts", "-n", NAMESPACE, "--subresource=token"),
        ("create", "validatingwebhookconfigurations.admissionregistration.k8s.io"),
        ("patch", "validatingwebhookconfigurations.admissionregistration.k8s.io/another"),
        ("impersonate", "users"),
        ("*", "*"),
    ],
}


@pytest.fixture(scope="module")
def accounts(falcon: Release, cluster: access.Access) -> dict[str, Kubectl]:
    return {
        name: Kubectl(cluster.kubeconfig, as_user=f"system:serviceaccount:{NAMESPACE}:{NAME}-{name}")
        for name in ("sensor", "operator")
    }


@pytest.mark.parametrize("account", MAY)
def test_it_may_do_its_work(accounts: dict[str, Kubectl], account: str):
    refused = [words for words in MAY[account] if not accounts[account].can(*words)]
    assert not refused


@pytest.mark.parametrize("account", MUST_NOT)
def test_it_may_do_nothing_else(accounts: dict[str, Kubectl], account: str):
    granted = [words for words in MUST_NOT[account] if accounts[account].can(*words)]
    assert not granted


def test_nothing_is_refused_to_them(falcon: Release, tracer: Tracer):
    """By their own metrics. Only from now on: an API server that has just started refuses everybody for a moment."""
    before = _refused(falcon)
    tracer.settle()
    for sensor in falcon.sensors().values():
        assert falcon.metric(sensor, "falcon_sensor_kubernetes_requests_total", code="201") > 0
    for pod in falcon.pods("operator"):
        name = pod["metadata"]["name"]
        assert falcon.metric(name, "falcon_operator_api_requests_total", 8080, code="200") > 0

    assert _refused(falcon) == before


def _refused(falcon: Release) -> dict[str, float]:
    found = {
        pod: falcon.metric(pod, "falcon_sensor_kubernetes_requests_total", code="403")
        for pod in falcon.sensors().values()
    }
    for body in falcon.pods("operator"):
        name = body["metadata"]["name"]
        found[name] = falcon.metric(name, "falcon_operator_api_requests_total", 8080, code="403")
    return found


def test_a_namespaces_editor_may_write_its_rules_and_no_others(
    falcon: Release, cluster: access.Access, kubectl: Kubectl
):
    binding = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "RoleBinding",
        "metadata": {"name": "falcon-e2e-editor", "namespace": "default"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "edit"},
        "subjects": [{"kind": "User", "name": "falcon-e2e-editor", "apiGroup": "rbac.authorization.k8s.io"}],
    }
    kubectl.apply(binding)
    try:
        editor = Kubectl(cluster.kubeconfig, as_user="falcon-e2e-editor")
        assert editor.can("create", "falconrules.falcon.dev", "-n", "default")
        assert not editor.can("create", "falconrules.falcon.dev", "-n", "kube-system")
        assert not editor.can("create", "clusterfalconrules.falcon.dev")
        assert not editor.can("create", "falconrulesets.falcon.dev")
        assert not editor.can("patch", "falconrules.falcon.dev", "-n", "default", part="status")
        with pytest.raises(Failed, match="forbidden"):
            editor.run("get", "clusterfalconrules")
    finally:
        kubectl.delete("rolebinding", "falcon-e2e-editor", "-n", "default")


def test_pods_run_with_what_the_chart_says(falcon: Release):
    for pod in falcon.pods("operator"):
        assert pod["spec"]["securityContext"]["runAsNonRoot"] is True
        (container,) = pod["spec"]["containers"]
        assert container["securityContext"]["readOnlyRootFilesystem"] is True
        assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    assert "secret" not in json.dumps([pod["spec"]["containers"][0].get("env") for pod in falcon.pods("sensor")])
