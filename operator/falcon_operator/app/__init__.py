"""Puts the operator together and keeps it running: election, certificates, servers, the loop.

What a rule means, what a sensor should have and what a status says must not be decided here.
"""
