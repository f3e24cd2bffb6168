"""Rules, macros and lists as users write them: the shape of an item, and the YAML it is read from.

Here belong the models and everything about positions in source text. What items mean together
(which one replaces which) is `loading`'s business.
"""
