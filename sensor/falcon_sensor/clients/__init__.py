"""The only package that talks to the Kubernetes API server: connection, requests, watches.

Belongs here: how to reach it, how to stay connected, what its answers mean. Does not belong here:
what pods or alerts are for, threads, and anything that decides. Everything is asyncio and runs in
the agent's process (see `app.agent`), never in the one that reads the ring: measured there, a busy
event loop beside the consumer delays events by seconds (figures in `pipeline.consumer`).
"""
