"""Ten thousand rules at once: all but the broken one compile and travel."""

from __future__ import annotations

from falcon_rules import wire
from falcon_rules.loading import compilation
from falcon_rules.model import documents

RULES, BROKEN = 10_000, 4_321


def test_ten_thousand_rules_compile_but_the_broken_one():
    shared = (
        "- list: shells\n  items: [bash, sh, dash]\n- macro: started\n  condition: evt.type in (execve, execveat)\n"
    )
    texts = [shared]
    for number in range(RULES):
        name = "proc.nam" if number == BROKEN else "proc.name"
        condition = (
            f"started and {name} in (shells) and proc.pname = parent{number} and not fd.name startswith /srv/{number}/"
        )
        texts.append(
            f"- rule: Rule {number}\n  desc: d\n  condition: {condition}\n"
            f"  output: shell %proc.cmdline in {number}\n  priority: WARNING\n  tags: [t{number % 7}]\n"
        )
    result = compilation.compile([documents.Document("many.yaml", "".join(texts))])
    (error,) = result.errors
    assert (error.item_name, error.suggestion) == (f"Rule {BROKEN}", "proc.name")
    assert error.place.line == 5 + 6 * BROKEN + 2
    assert len(result.bundle.rules) == RULES - 1
    assert wire.loads(wire.dumps(result.bundle)) == result.bundle
