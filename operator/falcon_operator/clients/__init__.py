"""The operator's doors to the outside: the API server, and the sensors.

Only here is the `kubernetes` package imported, and only from here do requests leave. What the
answers mean, and what should follow from them, must not be decided here.
"""
