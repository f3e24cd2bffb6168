"""Lint: rules that are legal and yet most likely not meant as they are, or cost more than their author knows.

Belongs here: judging compiled rules, alone and beside others; for `falcon-rules check`, and for the
operator's admission. Does not: what is wrong with a rule, which is the compiler's to say.
"""
