"""Well-known ports by service name, for literals such as `fd.sport = https`.

Own data rather than the host's services file, so that a rule means the same wherever it is compiled.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping
from importlib import resources


@functools.cache
def ports() -> Mapping[str, int]:
    text = resources.files("falcon_rules.fields").joinpath("services.json").read_text("utf-8")
    table: dict[str, int] = json.loads(text)
    return table
