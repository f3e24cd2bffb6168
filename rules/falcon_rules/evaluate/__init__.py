"""Evaluation: typed conditions as compiled Python, for whoever has events.

Belongs here: everything that turns a condition and a resolver of fields into a function. Does
not: where values come from (the sensor's extractors, a test's dictionary).

The two functions below are the whole interface, so unlike other packages this one hands them out
itself.
"""

from falcon_rules.evaluate.compiled import Predicate, Rules, compile_condition, compile_rules
from falcon_rules.evaluate.operands import Resolver

__all__ = ["Predicate", "Resolver", "Rules", "compile_condition", "compile_rules"]
