"""What an alert tells of its container and pod though the rule's text does not ask for it, when it is known: receivers
choose, group and link by it. What Falco's `append_output` with `suggested_output` is for; the text stays the rule's.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from falcon_rules import bundle, output, typed

NAMES: Final = (
    "container.id",
    "container.name",
    "container.image.repository",
    "container.image.tag",
    "k8s.ns.name",
    "k8s.pod.name",
)


def _extra(name: str) -> output.Extra:
    placeholder = bundle.Placeholder(name, typed.FieldRef(name, None, typed.Kind.TEXT))
    return output.Extra(name, bundle.Output((placeholder,)), raw=True)


EXTRAS: Final = tuple(_extra(name) for name in NAMES)


def known(fields: Mapping[str, Any], asked: bundle.Output) -> dict[str, Any]:
    """Without those of NAMES that nobody asked for and nobody knows, or that only say that it was no container."""
    written = {piece.text for piece in asked.pieces if not isinstance(piece, str)}
    on_host = fields.get("container.id") == "host"
    return {
        name: value
        for name, value in fields.items()
        if name not in NAMES or name in written or (value not in (None, "") and not on_host)
    }
