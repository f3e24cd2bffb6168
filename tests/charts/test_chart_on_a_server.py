"""The chart against a real API server: what it stores, what an upgrade keeps, what an uninstall leaves."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import uuid
from collections.abc import Coroutine, Iterator
from pathlib import Path
from typing import Any

import helm_python
import pytest
import yaml
from tests.charts.support import rendering
from tests.charts.support.rendering import Object

from falcon_operator.clients import api, errors, kinds
from falcon_operator.clients.kinds import Kind
from falcon_rules import crds

CRDS = Kind("apiextensions.k8s.io", "v1", "customresourcedefinitions", "CustomResourceDefinition", namespaced=False)
NAMESPACES = Kind("", "v1", "namespaces", "Namespace", namespaced=False)
FOREIGN = ("monitoring.coreos.com/v1", "cert-manager.io/v1")
"""Kinds of other projects' operators, which no server has by itself."""
PLURALS = {"NetworkPolicy": "networkpolicies", "PriorityClass": "priorityclasses"}


class Server:
    """A namespace of the test's own on the server; calls are made one after the other."""

    def __init__(self, kubeconfig: Path) -> None:
        self.kubeconfig = kubeconfig
        self.namespace = f"chart-{uuid.uuid4().hex[:8]}"
        self._loop = asyncio.new_event_loop()
        self._api = self._run(api.connect(kubeconfig))

    def _run(self, work: Coroutine[Any, Any, Any]) -> Any:
        return self._loop.run_until_complete(work)

    def prepare(self) -> None:
        for definition in crds.definitions():
            # As the chart's own Job does it.
            self.apply(definition, manager="helm", force=True)
        self._run(self._wait_for_kinds())
        self._run(self._api.create(NAMESPACES, {"metadata": {"name": self.namespace}}))

    def close(self) -> None:
        self._run(self._api.delete(NAMESPACES, self.namespace))
        self._run(self._api.close())
        self._loop.close()

    async def _wait_for_kinds(self) -> None:
        async with asyncio.timeout(30):
            for kind in kinds.FALCON_KINDS:
                while True:
                    with contextlib.suppress(errors.ApiError):
                        await self._api.list(kind)
                        break
                    await asyncio.sleep(0.1)

    def apply(self, crd: Object, manager: str, force: bool) -> None:
        """Server-side. Raises errors.Conflict where `manager` would change what others own."""
        path, query = CRDS.path(crd["metadata"]["name"]), {"fieldManager": manager, "force": str(force).lower()}
        headers = {"Content-Type": "application/apply-patch+yaml"}
        self._run(self._api.request("patch", CRDS, path, query=query, headers=headers, body=crd))

    def dry_run(self, each: Object) -> Object:
        """What the server would store."""
        kind = kind_of(each)
        namespace = self.namespace if kind.namespaced else None
        path = kind.path(namespace=namespace)
        metadata = {key: value for key, value in each["metadata"].items() if key != "namespace"}
        body = {**each, "metadata": metadata}
        found: Object = self._run(self._api.request("create", kind, path, query={"dryRun": "All"}, body=body))
        return found

    def get(self, kind: Kind, name: str) -> Object | None:
        try:
            found: Object = self._run(self._api.get(kind, name, self.namespace if kind.namespaced else None))
        except errors.NotFound:
            return None
        return found

    def patch(self, kind: Kind, name: str, patch: Object) -> None:
        self._run(self._api.patch(kind, name, patch, self.namespace if kind.namespaced else None))


def kind_of(each: Object) -> Kind:
    group, _, version = each["apiVersion"].rpartition("/")
    name = each["kind"]
    namespaced = "namespace" in each["metadata"]
    return Kind(group, version, PLURALS.get(name, f"{name.lower()}s"), name, namespaced)


def lost(given: Any, stored: Any, path: str = "") -> list[str]:
    """Places where the server did not take what was given. An empty value may as well be none.

    A server may add to a list (tolerations of pods).
    """
    if isinstance(given, dict) and isinstance(stored, dict):
        return [found for key, each in given.items() for found in lost(each, stored.get(key), f"{path}.{key}")]
    if isinstance(given, list) and isinstance(stored, list) and len(given) <= len(stored):
        return [found for at, each in enumerate(given) for found in lost(each, stored[at], f"{path}[{at}]")]
    same = given == stored or str(given) == str(stored) or (not given and not stored)
    return [] if same else [f"{path}: {given!r} became {stored!r}"]


@pytest.fixture
def server(kubeconfig: Path) -> Iterator[Server]:
    made = Server(kubeconfig)
    made.prepare()
    yield made
    made.close()


@pytest.mark.parametrize("values", ["defaults", "most"])
def test_the_server_takes_every_object_whole(server: Server, values: str):
    name = server.namespace
    objects = rendering.render({**rendering.VALUES[values], "fullnameOverride": name}, name=name)
    problems = []
    for each in objects:
        if each["apiVersion"] in FOREIGN:
            continue
        if each["kind"] == "FalconRuleSet":
            # Under a name of its own: Falcon may be installed here.
            each = {**each, "metadata": {"name": f"{name}-{each['metadata']['name']}"}}
        stored = server.dry_run(each)
        where = f"{each['kind']} {each['metadata']['name']}"
        problems += [
            where + found for part in ("spec", "rules", "webhooks") for found in lost(each.get(part), stored.get(part))
        ]
    assert problems == []


def test_upgrades_keep_what_the_operator_wrote_and_an_uninstall_takes_everything(server: Server):
    name, secret = server.namespace, f"{server.namespace}-tls"
    # No pod will ever run here, so nothing that waits for one.
    values: Object = {"defaultRules": {"enabled": False}, "customRules": {name: "- list: a\n  items: [b]"}}
    values["crds"] = {"upgrade": False}
    content = base64.b64encode(b"certificate").decode()

    def webhook() -> Object:
        found = server.get(kinds.WEBHOOKS, name)
        assert found is not None
        client: Object = found["webhooks"][0]["clientConfig"]
        return client

    def data() -> Object:
        found = server.get(kinds.SECRET, secret)
        assert found is not None
        return found.get("data") or {}

    with helm_python.Config(kubeconfig_path=server.kubeconfig, namespace=name) as helm:
        helm.install(rendering.CHART, name, values)
        try:
            assert data() == {}
            server.patch(kinds.SECRET, secret, {"data": {"tls.crt": content}})
            stored = server.get(kinds.WEBHOOKS, name)
            assert stored is not None
            stored["webhooks"][0]["clientConfig"]["caBundle"] = content
            server.patch(kinds.WEBHOOKS, name, {"webhooks": stored["webhooks"]})
            server.patch(kinds.LEASE, f"{name}-operator", {"spec": {"holderIdentity": "somebody"}})

            changed = {**values, "operator": {"replicas": 3}, "commonLabels": {"new": "label"}}
            changed["webhook"] = {"timeoutSeconds": 9}
            helm.upgrade(rendering.CHART, name, changed)
            assert data() == {"tls.crt": content}
            assert webhook()["caBundle"] == content
            lease = server.get(kinds.LEASE, f"{name}-operator")
            assert lease is not None
            assert lease["spec"]["holderIdentity"] == "somebody"
            assert lease["metadata"]["labels"]["new"] == "label"
            updated = server.get(kinds.WEBHOOKS, name)
            assert updated is not None
            assert updated["webhooks"][0]["timeoutSeconds"] == 9
        finally:
            helm.uninstall(name)
    assert [server.get(kind, each) for kind, each in ((kinds.SECRET, secret), (kinds.WEBHOOKS, name))] == [None, None]
    assert server.get(kinds.LEASE, f"{name}-operator") is None
    assert server.get(kinds.FALCON_RULE_SET, name) is None
    assert server.get(CRDS, "falconrules.falcon.dev") is not None


def test_whoever_applies_the_same_crds_changes_nothing(server: Server):
    for path in (rendering.CHART / "crds").glob("*.yaml"):
        server.apply(yaml.safe_load(path.read_text()), manager="somebody", force=False)
