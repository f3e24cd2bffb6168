"""How to reach the API server: the pod's service account, or a kubeconfig file for tests and people.

Tokens of service accounts are replaced by the kubelet well before they expire (an hour by
default), so the file is read again after `TOKEN_SECONDS`.
"""

from __future__ import annotations

import base64
import os
import ssl
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")

TOKEN_SECONDS = 60.0
"""How old a token may be before its file is read again. client-go's figure; the kubelet renews at 80 % of its life."""


class NoConnection(Exception):
    """It cannot be known where the API server is, or how to be recognised by it; the text says what is missing."""


@dataclass(frozen=True, slots=True)
class Connection:
    """server: ``https://host:port``. tls: verifies the server, and shows our certificate where we have one."""

    server: str
    tls: ssl.SSLContext
    token: Token | None = None


class Token:
    """A bearer token: given, or in a file that somebody renews."""

    def __init__(self, text: str = "", file: Path | None = None) -> None:
        self._text = text
        self._file = file
        self._read = float("-inf")

    def get(self) -> str:
        """The token as of now. When its file cannot be read at the moment the one before serves on."""
        now = time.monotonic()
        if self._file is not None and now - self._read >= TOKEN_SECONDS:
            try:
                self._text = self._file.read_text("ascii").strip()
                self._read = now
            except (OSError, ValueError) as error:
                if not self._text:
                    raise NoConnection(f"cannot read the service account's token: {error}") from None
        return self._text

    def refused(self) -> None:
        """The server did not take it: the next `get` looks whether there is a newer one."""
        self._read = float("-inf")


def find(kubeconfig: str | None) -> Connection:
    """By the kubeconfig if one is given, else by the pod's service account. Raises NoConnection."""
    return from_kubeconfig(Path(kubeconfig)) if kubeconfig else in_cluster()


def in_cluster(directory: Path = SERVICE_ACCOUNT, environ: Mapping[str, str] = os.environ) -> Connection:
    """What every container of a pod is given. Raises NoConnection."""
    host, port = environ.get("KUBERNETES_SERVICE_HOST"), environ.get("KUBERNETES_SERVICE_PORT", "443")
    if not host:
        raise NoConnection("KUBERNETES_SERVICE_HOST is not set: not in a pod? set cluster.kubeconfig to a file")
    tls = _context(str(directory / "ca.crt"))
    token = Token(file=directory / "token")
    token.get()
    return Connection(f"https://[{host}]:{port}" if ":" in host else f"https://{host}:{port}", tls, token)


def from_kubeconfig(path: Path) -> Connection:
    """The current context of a kubeconfig; certificates and tokens, in files or in place. Raises NoConnection."""
    import yaml  # a pod has no kubeconfig and is spared the import

    try:
        whole = yaml.safe_load(path.read_text())
        context = _named(whole, "contexts", "context", whole["current-context"])
        cluster = _named(whole, "clusters", "cluster", context["cluster"])
        user = _named(whole, "users", "user", context["user"])
        return _from_entries(cluster, user, path.parent)
    except OSError as error:
        raise NoConnection(f"{path}: {error.strerror or error}") from None
    except (yaml.YAMLError, KeyError, TypeError, ValueError) as error:
        raise NoConnection(f"{path}: no kubeconfig that can be used here: {error!r}") from None


def _named(whole: dict[str, Any], plural: str, singular: str, name: str) -> dict[str, Any]:
    found: dict[str, dict[str, Any]] = {each["name"]: each[singular] for each in whole[plural]}
    return found[name]


def _from_entries(cluster: dict[str, Any], user: dict[str, Any], base: Path) -> Connection:
    authority = cluster.get("certificate-authority")
    tls = _context(str(base / authority)) if authority else _context(data=_decoded(cluster, "certificate-authority"))
    if "client-certificate" in user:
        tls.load_cert_chain(base / user["client-certificate"], base / user["client-key"])
    elif "client-certificate-data" in user:
        _load_in_place(tls, _decoded(user, "client-certificate"), _decoded(user, "client-key"))
    token = None
    if "token" in user:
        token = Token(user["token"])
    elif "tokenFile" in user:
        token = Token(file=base / user["tokenFile"])
    return Connection(cluster["server"].rstrip("/"), tls, token)


def _context(file: str | None = None, data: str | None = None) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=file, cadata=data)
    except (OSError, ssl.SSLError) as error:
        raise NoConnection(f"cannot read the API server's CA {file or 'in the kubeconfig'}: {error}") from None


def _decoded(entry: dict[str, Any], name: str) -> str:
    return base64.b64decode(entry[f"{name}-data"]).decode("ascii")


def _load_in_place(tls: ssl.SSLContext, certificate: str, key: str) -> None:
    """Python's ssl only takes files; this one is gone again before anybody else could open it by name."""
    with tempfile.NamedTemporaryFile("w") as file:  # made readable for its owner alone
        file.write(f"{certificate}\n{key}\n")
        file.flush()
        tls.load_cert_chain(file.name)
