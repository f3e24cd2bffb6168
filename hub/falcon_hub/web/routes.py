"""The paths of this package, and what holds for all of them: the headers, and errors that are JSON."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from aiohttp import web

from falcon_hub.access import access
from falcon_hub.store import records, store
from falcon_hub.web import asking, assets, delivery, entering, export, history, marking, reading, stream

_API = "/api/v1"
_RETRY_SECONDS = 2

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def add(
    application: web.Application,
    kept: store.Store,
    door: access.Access,
    states: delivery.States,
    *,
    single_sign_on: str | None = None,
) -> None:
    """states: of the sinks. single_sign_on: what the login page's button says, if that is a way in."""
    application.on_response_prepare.append(_protect)
    files = assets.Assets()
    for path in assets.PAGES:
        application.router.add_get(path, files.page)
    application.router.add_get("/static/{name}", files.file)

    def on(method: str, path: str, handler: Handler) -> None:
        application.router.add_route(method, _API + path, _explained(handler))

    entry = entering.Entering(door, single_sign_on)
    on("GET", "/me", entry.me)
    on("GET", "/login", entry.ways)
    on("POST", "/login", entry.login)
    on("POST", "/logout", entry.logout)
    questions = reading.Reading(kept, door)
    on("GET", "/alerts", questions.page)
    on("GET", "/alerts/{uuid}", questions.one)
    on("GET", "/alerts/{uuid}/exception", questions.exception)
    on("GET", "/counts", questions.counts)
    on("GET", "/timeline", questions.timeline)
    on("GET", "/top", questions.top)
    live = stream.Stream(kept, door)
    application.on_shutdown.append(live.end)
    on("GET", "/stream", live.follow)
    files_out = export.Export(kept, door)
    on("GET", "/export.json", files_out.as_json)
    on("GET", "/export.csv", files_out.as_csv)
    marks = marking.Marking(kept, door, questions)
    on("POST", "/alerts/{uuid}/acknowledge", marks.acknowledge)
    on("DELETE", "/alerts/{uuid}/acknowledge", marks.take_back)
    on("GET", "/silences", marks.silences)
    on("POST", "/silences", marks.silence)
    on("DELETE", r"/silences/{id:\d{1,9}}", marks.end)
    on("GET", "/audit", history.History(kept, door).page)
    sinks = delivery.Delivery(kept, door, states)
    on("GET", "/sinks", sinks.sinks)
    on("GET", "/sinks/{name}/dead-letters", sinks.letters)
    on("POST", "/sinks/{name}/dead-letters/retry", sinks.retry)
    on("POST", "/sinks/{name}/dead-letters/drop", sinks.drop)


async def _protect(_request: web.Request, response: web.StreamResponse) -> None:
    for name, value in assets.HEADERS.items():
        response.headers.setdefault(name, value)
    # Alerts are nothing for a shared cache.
    response.headers.setdefault("Cache-Control", "no-store")


def _explained(handler: Handler) -> Handler:
    """What goes wrong is told as `{"error": ...}`, which the page shows as it is."""

    async def handle(request: web.Request) -> web.StreamResponse:
        try:
            return await handler(request)
        except asking.BadQuestion as error:
            return web.json_response({"error": str(error)}, status=400)
        except records.Unavailable as error:
            return web.json_response(
                {"error": f"The store cannot be asked now: {error}"},
                status=503,
                headers={"Retry-After": str(_RETRY_SECONDS)},
            )
        except web.HTTPException as error:
            if error.content_type == "application/json":
                raise
            return web.json_response({"error": error.text}, status=error.status)

    return handle
