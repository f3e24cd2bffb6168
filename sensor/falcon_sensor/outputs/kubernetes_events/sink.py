"""Kubernetes Events as the sensor's outputs see them."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence

from falcon_sensor import alerts
from falcon_sensor.clients import connection
from falcon_sensor.outputs import base
from falcon_sensor.outputs.kubernetes_events import client, ledger, objects, publisher
from falcon_sensor.settings import model


class Unusable(Exception):
    """The text says why and what to set."""


class KubernetesEvents:
    """A server that cannot be reached is no error at the start, one nobody told us of is (Unusable)."""

    name = "kubernetes events"

    def __init__(self, settings: model.Settings, tell: base.Tell = base.say) -> None:
        options, cluster = settings.kubernetes_events, settings.cluster
        host = settings.hostname or os.uname().nodename
        source = objects.Source(cluster.node_name or host, options.instance or host)
        try:
            asked = client.Client(lambda: connection.find(cluster.kubeconfig))
        except connection.NoConnection as error:
            raise Unusable(f"kubernetes_events: {error}") from None
        book = ledger.Ledger(options, source, time.time_ns)
        self._publisher = publisher.Publisher(self.name, book, asked, tell)
        self._publisher.start()

    def write(self, batch: Sequence[alerts.Alert]) -> None:
        self._publisher.take(batch)

    def reopen(self) -> None:
        pass

    def close(self) -> None:
        self._publisher.finish()

    def measures(self) -> Mapping[str, int]:
        """Sums since the start; `waiting`: Events to be made or updated; `unsaved`: alerts they would tell of."""
        return self._publisher.measures()
