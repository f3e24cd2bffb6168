"""What can be set, from the environment: `FALCON_OPERATOR_NAMESPACE=falcon`, and so on.

The chart writes these variables; `falcon-operator settings` prints them all. Nothing here acts
on a setting.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

_MOST_PORTS = 65535


class Settings(BaseSettings):
    """The operator's options with their defaults."""

    model_config = SettingsConfigDict(env_prefix="FALCON_OPERATOR_", frozen=True, extra="ignore")

    namespace: Annotated[str, Field(description="Namespace of Falcon itself: its sensors, Secret and Lease.")] = (
        "falcon"
    )
    release: Annotated[str, Field(description="Name of the Helm release, the prefix of its objects' names.")] = "falcon"
    pod_name: Annotated[str, Field(description="This replica, as holder of the Lease.")] = ""
    kubeconfig: Annotated[str, Field(description="A kubeconfig file; empty: the service account of the pod.")] = ""

    sensor_selector: Annotated[str, Field(description="Labels by which sensors' pods are found.")] = (
        "app.kubernetes.io/name=falcon,app.kubernetes.io/component=sensor"
    )
    sensor_port: Annotated[int, Field(ge=1, le=_MOST_PORTS, description="Port of the sensors' HTTPS API.")] = 8765
    sensor_server_name: Annotated[str, Field(description="Name that sensors' certificates carry.")] = "falcon-sensor"
    sensor_token_file: Annotated[
        Path,
        Field(description="Projected service account token with the audience falcon-sensor; read again at each use."),
    ] = Path("/var/run/secrets/falcon/sensor/token")

    push_concurrency: Annotated[
        int,
        Field(ge=1, le=1000, description="Pushes at once: at 500 nodes and 50 ms a push, half a second each round."),
    ] = 64
    push_timeout: Annotated[
        float,
        Field(gt=0, description="Seconds a sensor has to put a bundle in force: it compiles kernel programs first."),
    ] = 60.0
    backoff_first: Annotated[
        float, Field(gt=0, description="Upper bound in seconds of the wait after a first failure.")
    ] = 0.5
    backoff_most: Annotated[float, Field(gt=0, description="Upper bound in seconds of any wait between attempts.")] = (
        60.0
    )
    poll_seconds: Annotated[float, Field(gt=0, description="Seconds between looks at a sensor that is up to date.")] = (
        60.0
    )

    settle_seconds: Annotated[
        float, Field(ge=0, description="Changes that come within this time of each other are compiled together.")
    ] = 0.1
    status_seconds: Annotated[float, Field(gt=0, description="Shortest time between two writes of one status.")] = 1.0

    admission_port: Annotated[int, Field(ge=1, le=_MOST_PORTS, description="HTTPS port of the admission webhook.")] = (
        8443
    )
    webhook_name: Annotated[
        str, Field(description="ValidatingWebhookConfiguration whose caBundle is kept up to date; empty: none.")
    ] = ""
    service_name: Annotated[str, Field(description="Service of the admission webhook.")] = "falcon-operator"
    admission_names: Annotated[
        str, Field(description="Further names or addresses of the webhook, with commas; for an API server without DNS.")
    ] = ""
    ca_secret: Annotated[str, Field(description="Secret for the CA's key, ours alone; empty: <release>-ca.")] = ""
    tls_secret: Annotated[
        str, Field(description="Secret for the sensors' certificate, mounted by them; empty: <release>-tls.")
    ] = ""
    admission_secret: Annotated[
        str, Field(description="Secret for the webhook's certificate; empty: <release>-admission.")
    ] = ""
    manage_certificates: Annotated[bool, Field(description="false: somebody else (cert-manager) fills the Secret.")] = (
        True
    )

    hub_service_name: Annotated[
        str, Field(description="Service of the hub, in its certificate; empty: there is no hub.")
    ] = ""
    hub_tls_secret: Annotated[str, Field(description="Secret for the hub's certificate; empty: <release>-hub-tls.")] = (
        ""
    )
    hub_token_secret: Annotated[
        str, Field(description="Secret for the token that sensors send to the hub; empty: somebody else fills one.")
    ] = ""

    held_secret: Annotated[
        str, Field(description="Secret for last good versions of rules that are broken now; empty: <release>-held.")
    ] = ""

    listen_host: Annotated[str | None, Field(description="Address to listen on; none: all.")] = None
    health_port: Annotated[int, Field(ge=1, le=_MOST_PORTS, description="Port of /livez, /readyz and /metrics.")] = 8080
    lease_name: Annotated[str, Field(description="Lease by which replicas elect their leader.")] = "falcon-operator"
    log_level: Annotated[str, Field(description="debug, info, warning or error.")] = "info"

    @property
    def secret_name(self) -> str:
        return self.tls_secret or f"{self.release}-tls"

    @property
    def held_secret_name(self) -> str:
        return self.held_secret or f"{self.release}-held"

    @property
    def ca_secret_name(self) -> str:
        return self.ca_secret or f"{self.release}-ca"

    @property
    def admission_secret_name(self) -> str:
        return self.admission_secret or f"{self.release}-admission"

    @property
    def hub_tls_secret_name(self) -> str:
        return self.hub_tls_secret or f"{self.release}-hub-tls"
