"""The chart as helm renders it, with the API versions of an old cluster or of one of today."""

from __future__ import annotations

import functools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import helm_python
import yaml
from helm_python import _native

ROOT = Path(__file__).parents[3]
CHART = ROOT / "charts" / "falcon"
OLD, TODAY = "v1.20.2", "v1.36.0"
NAMESPACE = "falcon-system"

Object = dict[str, Any]

VALUES: dict[str, Object] = {
    "defaults": {},
    "least": {
        "operator": {"replicas": 1, "podDisruptionBudget": {"enabled": False}},
        "defaultRules": {"enabled": False},
        "webhook": {"enabled": False},
        "networkPolicy": {"enabled": False},
        "rbac": {"aggregateToUserRoles": False},
        "crds": {"upgrade": False},
    },
    "most": {
        "nameOverride": "guard",
        "fullnameOverride": "guard",
        "image": {"registry": "registry.example/falcon", "tag": "1.2.3", "pullPolicy": "Always"},
        "imagePullSecrets": [{"name": "registry"}],
        "commonLabels": {"team": "security"},
        "operator": {
            "settings": {"push_concurrency": 8},
            "resources": {"limits": {"cpu": 1, "memory": "1Gi"}},
            "serviceAccount": {"annotations": {"example.com/role": "operator"}},
            "podAnnotations": {"example.com/a": "b"},
            "podLabels": {"example.com/tier": "control"},
            "nodeSelector": {"pool": "system"},
            "tolerations": [{"key": "system", "operator": "Exists"}],
            "affinity": {"nodeAffinity": {}},
            "priorityClassName": "important",
            "extraEnv": [{"name": "TZ", "value": "UTC"}],
        },
        "sensor": {
            "leastPrivileged": True,
            "image": "registry.example/sensor@sha256:" + "0" * 64,
            "settings": {
                "extra_fields": {"environment": "production", "datacenter": "paris"},
                "http_output": {"enabled": True, "url": "https://receiver.example/falcon"},
            },
            "ports": {"api": 18765, "health": 18766},
            "updateStrategy": {"type": "OnDelete", "rollingUpdate": None},
            "priorityClassName": "system-node-critical",
            "serviceAccount": {"annotations": {"example.com/role": "sensor"}},
            "podAnnotations": {"example.com/a": "b"},
            "podLabels": {"example.com/tier": "node"},
            "nodeSelector": {"pool": "work"},
            "affinity": {"nodeAffinity": {}},
            "extraEnv": [
                {
                    "name": "FALCON_HTTP_OUTPUT__BEARER_TOKEN",
                    "valueFrom": {"secretKeyRef": {"name": "receiver", "key": "token"}},
                }
            ],
            "extraVolumes": [{"name": "ca", "configMap": {"name": "receiver-ca"}}],
            "extraVolumeMounts": [{"name": "ca", "mountPath": "/etc/falcon/receiver"}],
        },
        "defaultRules": {
            "disable": ["Terminal shell in container"],
            "enable": ["Package manager started in container"],
        },
        "customRules": {"my-lists": "- list: mine\n  items: [a, b]"},
        "networkPolicy": {"egress": {"enabled": True}},
        "serviceMonitor": {"enabled": True, "labels": {"release": "prometheus"}},
        "prometheusRule": {"enabled": True, "labels": {"release": "prometheus"}},
        "webhook": {"failurePolicy": "Fail"},
    },
    "hub": {"hub": {"enabled": True}},
    "hub with everything": {
        "fullnameOverride": "guard",
        "hub": {
            "enabled": True,
            "image": "registry.example/hub@sha256:" + "0" * 64,
            "settings": {
                "custom_fields": {"environment": "production"},
                "access": {"reader_tokens": [{"name": "reports", "token_env": "REPORTS_TOKEN"}]},
                "store": {"retention": {"max_age_days": 90}},
                "sinks": [{"name": "chat", "type": "slack", "webhook_url_file": "/secrets/slack"}],
            },
            "ingest": {"existingSecret": "senders"},
            "database": {"existingSecret": "postgres", "key": "uri"},
            "firstAdmin": {"existingSecret": "first", "key": "admin"},
            "persistence": {"size": "1Gi", "storageClass": "fast", "annotations": {"example.com/a": "b"}},
            "service": {"type": "LoadBalancer", "port": 443, "annotations": {"example.com/a": "b"}},
            "ingress": {
                "enabled": True,
                "className": "nginx",
                "annotations": {"nginx.ingress.kubernetes.io/backend-protocol": "HTTPS"},
                "host": "falcon.example",
                "tlsSecret": "falcon-example",
            },
            "allowFrom": [{"ipBlock": {"cidr": "10.0.0.0/8"}}],
            "resources": {"limits": {"memory": "2Gi"}},
            "serviceAccount": {"annotations": {"example.com/role": "hub"}},
            "podAnnotations": {"example.com/a": "b"},
            "podLabels": {"example.com/tier": "alerts"},
            "nodeSelector": {"pool": "system"},
            "tolerations": [{"key": "system", "operator": "Exists"}],
            "affinity": {"nodeAffinity": {}},
            "priorityClassName": "important",
            "extraEnv": [{"name": "REPORTS_TOKEN", "valueFrom": {"secretKeyRef": {"name": "reports", "key": "token"}}}],
            "extraVolumes": [{"name": "slack", "secret": {"secretName": "slack"}}],
            "extraVolumeMounts": [{"name": "slack", "mountPath": "/secrets"}],
        },
        "serviceMonitor": {"enabled": True},
    },
    "several hubs": {"hub": {"enabled": True, "replicas": 3, "database": {"existingSecret": "postgres"}}},
    "hub without a volume, sensors with a receiver of their own": {
        "hub": {"enabled": True, "persistence": {"enabled": False}},
        "networkPolicy": {"enabled": False},
        "sensor": {"settings": {"http_output": {"enabled": True, "url": "https://receiver.example/falcon"}}},
    },
    "hub and cert-manager": {"hub": {"enabled": True}, "certificates": {"certManager": {"enabled": True}}},
    "cert-manager": {"certificates": {"certManager": {"enabled": True}}},
    "cert-manager with an issuer": {
        "certificates": {"certManager": {"enabled": True, "issuerRef": {"kind": "ClusterIssuer", "name": "company"}}}
    },
}
"""Sets of values that between them reach every template."""


def render(values: Object | None = None, kube_version: str = OLD, name: str = "falcon") -> list[Object]:
    """Every object, hooks and tests included."""
    return [each for _, each in _rendered(json.dumps(values or {}), kube_version, name)]


def notes(values: Object | None = None) -> str:
    return next(text for path, text in _texts(json.dumps(values or {}), OLD, "falcon") if path.endswith("NOTES.txt"))


def one(objects: list[Object], kind: str, name: str) -> Object:
    """The object of this kind and name."""
    (found,) = (each for each in objects if each["kind"] == kind and each["metadata"]["name"] == name)
    return found


def pods(objects: list[Object]) -> Iterator[tuple[str, Object]]:
    """(name of its owner, metadata and spec) of everything that runs."""
    for each in objects:
        if each["kind"] == "Pod":
            yield each["metadata"]["name"], each
        elif "template" in each.get("spec", {}) and each["kind"] in ("Deployment", "StatefulSet", "DaemonSet", "Job"):
            yield each["metadata"]["name"], each["spec"]["template"]


@functools.cache
def _texts(values: str, kube_version: str, name: str) -> list[tuple[str, str]]:
    options = {"name": name, "namespace": NAMESPACE, "kube_version": kube_version, "is_install": True, "strict": False}
    with helm_python.Chart.load(CHART) as chart:
        chart.validate_schema(json.loads(values))
        # The library's own `render` has no way to tell the server's version.
        text = _native.call_string("helm_render", chart._raw(), values, json.dumps(options))
    return sorted(json.loads(text).items())


def _rendered(values: str, kube_version: str, name: str) -> Iterator[tuple[str, Object]]:
    for path, text in _texts(values, kube_version, name):
        if path.endswith(".yaml"):
            for each in yaml.safe_load_all(text):
                if each is not None:
                    yield path, each
