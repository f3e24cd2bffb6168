"""From the rules' conditions to a prefilter that runs in the kernel.

The prefilter is a sound over-approximation: whenever a rule is true of an event, the filter is
true of it. `contract` says what the C side expects and offers. Only text and bytes come out of
here: compiling, loading and filling maps is the loader's business.
"""
