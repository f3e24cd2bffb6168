"""The front door: rule files in, a bundle and diagnostics out."""

from __future__ import annotations

from collections.abc import Sequence

from falcon_rules.compiler import compiled, compiling, options
from falcon_rules.loading import loader
from falcon_rules.model import definitions, documents
from falcon_rules.output import parsing


def compile(files: Sequence[documents.Document], wanted: options.Options | None = None) -> compiled.Result:
    """Loads the files in order and compiles what they define together.

    Never raises for what is in the files. A rule with an error is missing in the bundle; rules
    without one are in it.
    """
    return compile_loaded(loader.load(files), wanted)


def compile_loaded(loaded: definitions.Loaded, wanted: options.Options | None = None) -> compiled.Result:
    """Compiles definitions, wherever they were loaded from."""
    return compiling.compile_all(loaded, wanted or options.Options(), parsing.parse)
