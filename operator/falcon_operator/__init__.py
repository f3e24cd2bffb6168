"""The operator: custom resources in, bundles on every sensor and statuses out.

Belongs here: everything that knows of the cluster's API. Does not: what a rule means
(falcon_rules), or what a sensor does with it (falcon_sensor, which the operator never imports).
"""
