"""The hub: takes alerts, keeps them, sends them on, shows them.

Knows the rules language, never the sensor or the operator: it takes Falco's JSON from whoever has the token.
"""
