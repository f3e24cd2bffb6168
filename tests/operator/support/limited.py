"""An operator with the rights of a service account, of which one verb was taken."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Awaitable, Callable
from pathlib import Path

import yaml
from tests.operator.support.world import World

from falcon_operator.app.operator import Operator
from falcon_operator.clients.kinds import Kind

_ACCOUNTS = Kind("", "v1", "serviceaccounts", "ServiceAccount", namespaced=True)
_ROLES = Kind("rbac.authorization.k8s.io", "v1", "clusterroles", "ClusterRole", namespaced=False)
_BINDINGS = Kind("rbac.authorization.k8s.io", "v1", "clusterrolebindings", "ClusterRoleBinding", namespaced=False)
_VERBS = ["get", "list", "watch", "create", "update", "patch", "delete"]


async def operator(
    world: World, without: str
) -> tuple[contextlib.AbstractAsyncContextManager[Operator], Callable[[], Awaitable[None]]]:
    """The operator, to be entered, and what gives it the missing verb."""
    name, verbs = world.namespace, [verb for verb in _VERBS if verb != without]
    await world.make(_ACCOUNTS, {"metadata": {"name": name}}, world.namespace)
    await world.make(_ROLES, {"metadata": {"name": name}, "rules": _rules(verbs)})
    subject = {"kind": "ServiceAccount", "name": name, "namespace": world.namespace}
    role = {"apiGroup": _ROLES.group, "kind": _ROLES.name, "name": name}
    await world.make(_BINDINGS, {"metadata": {"name": name}, "roleRef": role, "subjects": [subject]})
    path = f"{_ACCOUNTS.path(name, world.namespace)}/token"
    answer = await world.api.request("create", _ACCOUNTS, path, body={"spec": {"expirationSeconds": 3600}})
    limited = dataclasses.replace(world, kubeconfig=_kubeconfig(world, answer["status"]["token"]))

    async def grant() -> None:
        await world.api.patch(_ROLES, name, {"rules": _rules(_VERBS)})

    return limited.operator(), grant


def _rules(verbs: list[str]) -> list[dict[str, list[str]]]:
    return [{"apiGroups": ["*"], "resources": ["*"], "verbs": verbs}]


def _kubeconfig(world: World, token: str) -> Path:
    config = yaml.safe_load(world.kubeconfig.read_text())
    config["users"] = [{**config["users"][0], "user": {"token": token}}]
    path = world.folder / "limited.kubeconfig"
    path.write_text(yaml.safe_dump(config))
    return path
