"""What becomes of a watch's requests, heard where kopf sends them.

kopf says nothing of that but in its log: it tries again, for ever if need be, and meanwhile what we know gets
older. Lists and watches of each kind are told apart, since one may be allowed and the other not.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from types import SimpleNamespace

import aiohttp

_GONE = 410
"""No failure: everything is listed anew then."""
_ERROR = 400

_Request = tuple[str, bool]
"""(path, whether it is a watch)"""


class Requests:
    """Of one watch; written in its thread, read anywhere."""

    def __init__(self) -> None:
        self._failed: dict[_Request, str] = {}

    @property
    def trouble(self) -> str:
        """Of a request that failed and has not succeeded since; "" for none."""
        return next(iter(tuple(self._failed.values())), "")

    def ear(self, resumed: Callable[[], None]) -> aiohttp.TraceConfig:
        """For a session. resumed: called when nothing fails any more."""

        async def ended(_: object, context: SimpleNamespace, params: aiohttp.TraceRequestEndParams) -> None:
            status = params.response.status
            bad = status >= _ERROR and status != _GONE
            self._note(_key(params.url), f"HTTP {status} {params.response.reason}" if bad else "", resumed)

        async def failed(_: object, context: SimpleNamespace, params: aiohttp.TraceRequestExceptionParams) -> None:
            if not isinstance(params.exception, asyncio.CancelledError):
                reason = str(params.exception) or type(params.exception).__name__
                self._note(_key(params.url), reason, resumed)

        config = aiohttp.TraceConfig()
        config.on_request_end.append(ended)
        config.on_request_exception.append(failed)
        return config

    def _note(self, request: _Request, failure: str, resumed: Callable[[], None]) -> None:
        if failure:
            self._failed[request] = f"{'watch' if request[1] else 'list'} {request[0]}: {failure}"
        elif self._failed.pop(request, None) is not None and not self._failed:
            resumed()


def _key(url: object) -> _Request:
    """url: a yarl.URL."""
    return str(getattr(url, "path", url)), "watch" in getattr(url, "query", ())
