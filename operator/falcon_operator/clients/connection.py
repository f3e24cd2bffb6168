"""How to reach the API server: from inside a pod, or by a kubeconfig file.

Read once for this package's requests, and again by kopf's threads whenever their credentials are
refused, so that a rotated token is picked up.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from kubernetes.aio import config
from kubernetes.aio.client import configuration


class NoConnection(Exception):
    """There is neither a usable kubeconfig nor a pod's service account; the message says which was tried."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """The same connection in plain data, for kopf, which has a client of its own."""

    server: str
    ca_file: str | None
    insecure: bool
    token: str | None
    certificate_file: str | None
    key_file: str | None
    username: str | None
    password: str | None


async def load(kubeconfig: Path | None) -> configuration.Configuration:
    """The connection by `kubeconfig`, or by the pod's own service account. Raises NoConnection."""
    made = configuration.Configuration()
    try:
        if kubeconfig is not None:
            await config.load_kube_config(config_file=str(kubeconfig), client_configuration=made, persist_config=False)
        else:
            config.load_incluster_config(client_configuration=made)
    except (config.ConfigException, OSError) as error:
        where = f"the kubeconfig {kubeconfig}" if kubeconfig is not None else "a pod's service account"
        hint = "" if kubeconfig is not None else "; outside a cluster give a file with --kubeconfig"
        raise NoConnection(f"cannot use {where}: {error}{hint}") from None
    return made


async def credentials(kubeconfig: Path | None) -> Credentials:
    """Read anew, with the token of this moment. Raises NoConnection."""
    made = await load(kubeconfig)
    key = await made.get_api_key_with_prefix("BearerToken", alias="authorization")
    return Credentials(
        server=made.host,
        ca_file=made.ssl_ca_cert,
        insecure=not made.verify_ssl,
        token=key.split(" ")[-1].strip() if key else None,
        certificate_file=made.cert_file,
        key_file=made.key_file,
        username=made.username or None,
        password=made.password or None,
    )
