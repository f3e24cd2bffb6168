"""All options with their defaults as commented YAML: what `falcon-sensor settings` prints and
docs/settings.md shows. Written from `model`, so it cannot be out of date."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterator
from typing import Any

from falcon_sensor.settings import model

_WIDTH = 100


def text(value: Any = model.Settings) -> str:
    """A YAML document that, given back with `-c`, sets exactly the defaults."""
    return "\n".join(_lines(value, "")) + "\n"


def _lines(value: Any, indent: str) -> Iterator[str]:
    for each, default, nested in model.sections(value):
        unit = each.metadata["unit"]
        comment = each.metadata["description"] + (f" [{unit}]" if unit else "")
        yield from textwrap.wrap(
            comment, _WIDTH, initial_indent=f"{indent}# ", subsequent_indent=f"{indent}#   ", break_on_hyphens=False
        )
        if nested:
            yield f"{indent}{each.name}:"
            yield from _lines(default, indent + "  ")
        else:
            # JSON is YAML; null is how a file says "not set".
            yield f"{indent}{each.name}: {json.dumps(default)}"


def markdown() -> str:
    """docs/settings.md as a whole."""
    return f"""# Settings of falcon-sensor

Generated from `sensor/falcon_sensor/settings/model.py`; `falcon-sensor settings` prints the YAML below.

Give a file with `-c settings.yaml`, single options with `-o section.option=value` (the value is YAML;
`-o rules[].disable.tag=network` appends to a list), or environment variables (`FALCON_JSON_OUTPUT=true`,
`FALCON_FILE_OUTPUT__FILENAME=/var/log/falcon.log`, `FALCON_EXTRA_FIELDS__ENVIRONMENT=production`).
The file is read first, then the environment, then `-o`; later ones win. A key that is no option is an error.

```yaml
{text()}```
"""
