"""Patterns of the language as functions from bytes to bool: regular expressions, globs, paths.

The compiler asks whether a pattern is one, the evaluator matches with it. Matching time is linear
in the value whatever the pattern is: values are what attackers choose.
"""
