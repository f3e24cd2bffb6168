"""Puts the parts together and runs them: settings, store, listener, signals, the end.

The only place that knows all parts; nothing is decided here that a part could decide.
"""
