"""Falco's gRPC interfaces (`falco.outputs.service`, `falco.version.service`), so that its clients find alerts here.

    sink (the sensor) -- lines of JSON over a socket pair --> server (a process of its own) --> clients

`protos` says what is on the wire, `fanout` who gets what. Served from a process of its own for the reasons that the
agent is one: an event loop, and strangers who can keep it busy. What is in `server`, `service` and `messages` is
imported by that process alone.
"""
