"""Outputs: from a rule's output text to the message, the line and the JSON of an alert.

Texts are parsed when rules are compiled (`parsing`), prepared once where alerts are made
(`compile_output`) and filled for each match. Where alerts go is not this package's business.

These few names are the whole interface, so unlike other packages this one hands them out itself;
but for `parsing`, which brings the grammar's library: a sensor only renders and must not carry it.
"""

from falcon_rules.output.lines import Options, escaped, json_object, line
from falcon_rules.output.rendering import Extra, Renderer, compile_output

__all__ = [
    "Extra",
    "Options",
    "Renderer",
    "compile_output",
    "escaped",
    "json_object",
    "line",
]
