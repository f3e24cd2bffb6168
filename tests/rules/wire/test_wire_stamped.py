"""Another revision on bytes that exist."""

from __future__ import annotations

import pytest

from falcon_rules import bundle, wire
from falcon_rules.loading import compilation
from falcon_rules.model import documents

RULES = """
- rule: 'odd ,"revision":5,"rules": name'
  desc: ',"revision":5,"rules":'
  condition: evt.type = open and fd.name contains ',"revision":5,"rules":'
  output: ',"revision":5,"rules": %fd.name'
  priority: INFO
"""


@pytest.mark.parametrize("revision", [0, 1, 1_795_501_779_595, 2**60])
def test_stamped_bytes_are_those_of_the_bundle_with_that_revision(revision: int) -> None:
    rules = compilation.compile([documents.Document("f", RULES)]).bundle.rules
    assert rules
    for first in (0, 17):
        data = wire.dumps(bundle.Bundle(rules, first))
        assert wire.stamped(data, revision) == wire.dumps(bundle.Bundle(rules, revision))


def test_bytes_without_rules_can_be_stamped_too() -> None:
    assert wire.stamped(wire.dumps(bundle.Bundle(())), 7) == wire.dumps(bundle.Bundle((), 7))
