"""Bundles for tests, compiled from Falco's YAML as the operator does it."""

from __future__ import annotations

from falcon_rules import bundle, wire
from falcon_rules.loading import compilation
from falcon_rules.model import documents


def rule(name: str, condition: str, output: str = "it happened") -> str:
    return f'- rule: {name}\n  desc: of a test\n  condition: {condition}\n  output: "{output}"\n  priority: NOTICE\n'


def made(text: str, revision: int) -> bundle.Bundle:
    result = compilation.compile([documents.Document("test.yaml", text)])
    assert not result.errors, [each.render() for each in result.errors]
    return bundle.Bundle(result.bundle.rules, revision)


def packed(rules: bundle.Bundle) -> tuple[bytes, str]:
    """(body, digest) of a push."""
    data = wire.dumps(rules)
    return wire.pack(data), f"sha256:{wire.digest(data)}"


def push(text: str, revision: int) -> tuple[bytes, str]:
    return packed(made(text, revision))
