"""Where people find an alert on the hub's page."""

from __future__ import annotations

from falcon_hub.settings import model


def template(listen: model.Listen) -> str | None:
    """The address with `{uuid}` in it; None while nobody has said where people reach the page."""
    if not listen.public_url:
        return None
    # Without a time range, so that an old alert is found, too.
    return listen.public_url.rstrip("/").replace("{", "%7B").replace("}", "%7D") + "/?from=&alert={uuid}"
