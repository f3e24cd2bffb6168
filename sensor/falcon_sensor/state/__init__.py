"""What the sensor knows about processes, containers and users beyond the record in hand.

Belongs here: caches filled from exec records, from /proc and from the container runtimes' own
files, and the questions the engine asks of them. Does not belong here: reading the ring, rule
evaluation, the Kubernetes API. Everything here answers "unknown" (None) rather than raise: its
input is written by the very processes under watch.
"""
