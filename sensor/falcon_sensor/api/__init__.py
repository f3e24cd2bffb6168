"""What a sensor offers over the network: the operator's HTTPS API, and plain HTTP for probes and metrics.

Belongs here: who may push, what a push must look like, what an answer says. Does not belong here:
putting a bundle in force and knowing how the sensor is (both behind `bundles.Sensor`), and talking
to the API server (`clients`). Runs in the agent's process (see `app.agent`).
"""
