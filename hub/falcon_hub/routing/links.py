"""Where people find an alert on the hub's page."""

from __future__ import annotations


def template(address: str | None) -> str | None:
    """The address with `{uuid}` in it. address: where people reach the page; None or empty: nobody has said."""
    if not address:
        return None
    # Without a time range, so that an old alert is found, too.
    return address.rstrip("/").replace("{", "%7B").replace("}", "%7D") + "/?from=&alert={uuid}"
