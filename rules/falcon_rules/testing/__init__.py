"""Tests of rules: events written down by their fields, and whether a rule must hold for them.

Belongs here: judging a compiled rule by such events, for the operator and for `falcon-rules test`.
Does not: where events were written down.
"""
