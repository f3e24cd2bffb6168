"""The admission webhook: tells whoever applies a broken rule what is wrong with it, before it is stored.

Runs in every replica. Nothing here writes to the cluster or knows of sensors.
"""
