"""The text of conditions: reading it into a syntax tree, and printing a tree as text.

Here belong the grammar, the parser and the printer. Here must not be anything that knows which
fields, macros or lists exist, or where a condition's text came from: those are the compiler's.
"""
