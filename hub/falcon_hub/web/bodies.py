"""JSON bodies of requests that change something."""

from __future__ import annotations

import json
from typing import Any

from aiohttp import web

from falcon_hub.web import asking

_MOST_BYTES = 64 * 1024


async def object_of(request: web.Request) -> dict[str, Any]:
    """The object in the body. Another content type than JSON is refused: browsers send only forms without asking the
    server first. Raises BadQuestion."""
    if request.content_type != "application/json":
        raise asking.BadQuestion("the body must be application/json")
    if (request.content_length or 0) > _MOST_BYTES:
        raise asking.BadQuestion(f"the body has more than {_MOST_BYTES} bytes")
    try:
        found = json.loads(await request.text())
    except (json.JSONDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise asking.BadQuestion(f"the body is no JSON: {error}") from None
    if not isinstance(found, dict):
        raise asking.BadQuestion("the body must be a JSON object")
    return found
