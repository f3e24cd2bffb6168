"""From watch events to what is known, and from what should be to pushes and written statuses.

kopf is used here, to watch, and nowhere below. What should be is decided in `reconcile`.
"""
