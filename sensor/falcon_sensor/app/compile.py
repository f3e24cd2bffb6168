"""The process that reads settings and rules, see `prepare`. Run as `python -m falcon_sensor.app.compile`.

Gets a request on standard input, gives an answer on standard output, and nothing else: what is
wrong with settings or rules is part of the answer.
"""

from __future__ import annotations
