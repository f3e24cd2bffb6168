"""What rules can be about: the fields, the events and their arguments, well-known services.

Facts as package data and the questions about them. Nothing here knows conditions, types of the
evaluator or where a value comes from; the sensor's extractors are tested against this table.
"""
