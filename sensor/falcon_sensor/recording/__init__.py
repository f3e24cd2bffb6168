"""Recordings: what the kernel shipped and what was known then, so that rules can be tried on it later.

Belongs here: the file's format, asking the state everything a rule could want to know of a record,
and a state that answers from the file. Does not belong here: reading the ring, evaluating rules.
"""
