"""Where a request comes from, and what its own address is, also behind proxies that are trusted."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from urllib.parse import urlsplit

from aiohttp import web


class Addresses:
    """trusted: networks of proxies. Raises ValueError for what is no network. public_url: as in the settings."""

    def __init__(self, trusted: Sequence[str], public_url: str) -> None:
        self._trusted = [ipaddress.ip_network(each) for each in trusted]
        self._public = urlsplit(public_url) if public_url else None

    def client(self, request: web.Request) -> str:
        """The nearest address that is not a trusted proxy's: what stands further left anybody could have written."""
        found = request.remote or ""
        forwarded = [each.strip() for each in ",".join(request.headers.getall("X-Forwarded-For", [])).split(",")]
        while forwarded and self._proxy(found):
            nearer = forwarded.pop()
            if not nearer:
                break
            found = nearer
        return found[:100]

    def secure(self, request: web.Request) -> bool:
        """Whether people's browsers see HTTPS."""
        return request.secure or (self._public is not None and self._public.scheme == "https")

    def own(self, request: web.Request) -> str:
        """``https://hub.example.com``, as browsers know it."""
        if self._public is not None:
            return f"{self._public.scheme}://{self._public.netloc}"
        return f"{'https' if request.secure else 'http'}://{request.host}"

    def foreign(self, request: web.Request) -> bool:
        """Another site's page sent it: browsers say so, and only they need to be believed."""
        origin = request.headers.get("Origin")
        if origin is None:
            return request.headers.get("Sec-Fetch-Site", "none") not in ("none", "same-origin")
        return origin != self.own(request)

    def _proxy(self, address: str) -> bool:
        try:
            found = ipaddress.ip_address(address)
        except ValueError:
            return False
        return any(found in network for network in self._trusted)
