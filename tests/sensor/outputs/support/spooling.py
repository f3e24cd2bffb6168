"""A sensor's webhook in a process that a test kills.

Run with DIRECTORY URL FIRST COUNT. Prints the number of each alert once the webhook has taken it,
then waits to be killed.
"""

from __future__ import annotations

import signal
import sys

from tests.sensor.outputs.support import examples

from falcon_sensor.outputs import render
from falcon_sensor.outputs.webhook import sink
from falcon_sensor.settings import model, receivers


def main() -> None:
    directory, url, first, count = sys.argv[1:]
    spool = receivers.WebhookSpool(directory=directory, fsync=False)
    retry = receivers.Retry(initial_seconds=0.01, max_seconds=0.05)
    webhook = sink.Webhook(receivers.HttpOutput(url=url, spool=spool, retry=retry), render.as_json(model.Settings()))
    for number in range(int(first), int(first) + int(count)):
        webhook.write([examples.alert(number)])
        print(number, flush=True)
    signal.pause()


if __name__ == "__main__":
    main()
