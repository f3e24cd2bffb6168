"""The page's files: built by `scripts/web` from hub/web into `static`, and served with a policy that lets a page do
nothing but what those files do: a script in an alert stays text even if the page had a hole.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from aiohttp import web

STATIC: Final = Path(__file__).parent / "static"
PAGES: Final = ("/", "/silences", "/sinks", "/audit")
"""Addresses that the page itself tells apart (hub/web/src/app.tsx)."""

POLICY: Final = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "connect-src 'self'",
        "img-src 'self' data:",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
        "trusted-types 'none'",
    )
)
HEADERS: Final = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
_TYPES: Final = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}
_NOT_BUILT: Final = """<!doctype html><title>Falcon</title><h1>The page is not built</h1>
<p>The hub runs and takes alerts, but this checkout has no page yet: run <code>scripts/web</code>.</p>"""


class Assets:
    """Everything is read once: it is some 300 kB."""

    def __init__(self, folder: Path = STATIC) -> None:
        found = sorted(folder.iterdir()) if folder.is_dir() else []
        self._files = {each.name: each.read_bytes() for each in found if each.suffix in _TYPES}
        page = folder / "index.html"
        self._page = page.read_text(encoding="utf-8") if page.exists() else _NOT_BUILT

    async def page(self, _request: web.Request) -> web.Response:
        """Any of PAGES. It names its files by their content, so it is the only one that must be asked for anew."""
        return web.Response(
            text=self._page, content_type="text/html", charset="utf-8", headers={"Cache-Control": "no-cache"}
        )

    async def file(self, request: web.Request) -> web.Response:
        """GET /static/NAME."""
        name = request.match_info["name"]
        body = self._files.get(name)
        if body is None:
            raise web.HTTPNotFound(text="There is no such file; the page may have been renewed: reload it.")
        kept = "public, max-age=31536000, immutable" if "-" in name else "public, max-age=3600"
        response = web.Response(
            body=body, content_type=_TYPES[Path(name).suffix], headers={"Cache-Control": kept}, charset="utf-8"
        )
        response.enable_compression()
        return response
