"""The command `falcon-rules`. The only place of this package that reads files.

Here belong arguments, files and printing. What a rule means must not be decided here.
"""
