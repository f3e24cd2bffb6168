"""Alerts to an HTTP receiver: Falco's JSON, in order, kept on disk until the receiver has them.

    sink (the output's thread) -> buffer: spool on disk, or memory -> courier (a thread of its own) -> receiver

`spool` and `memory` only keep lines, `requests` only knows how an alert is put on the wire,
`courier` decides what follows from an answer. What an alert says is decided elsewhere.

Delivery is at least once: an alert whose answer got lost is sent again. Its `uuid` stays the same,
so that a receiver can drop the double.
"""
