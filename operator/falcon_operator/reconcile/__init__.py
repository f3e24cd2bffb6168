"""From the resources as they are to what should be: bundles for nodes, statuses for resources.

Belongs here: decisions, as far as possible without I/O: all but `rollout` are plain functions
and values. Does not: talking to the API server or to sensors; clients do that, handlers bring
both together.
"""
