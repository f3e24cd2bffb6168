"""`falcon-rules test`: rules against the tests that lie beside them, and manifests against their own."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from falcon_rules.cli import reading, resources
from falcon_rules.compiler import compiled
from falcon_rules.diagnostics import Code, Diagnostic, Place, Severity, suggest
from falcon_rules.loading import compilation
from falcon_rules.model import documents
from falcon_rules.testing import cases, files


@dataclass(frozen=True, slots=True)
class Judged:
    """problem: None for a test that passed."""

    rule: str
    name: str
    problem: Diagnostic | None


def test(paths: Sequence[str], as_json: bool, out: TextIO) -> int:
    """The exit code is 1 if a test fails, a rule has an error, or there is no test at all."""
    read, problems = reading.read(paths, with_tests=True)
    found = list(problems)
    tests = [each for each in read if reading.is_test(each.name)]
    manifests = [each for each in read if each not in tests and resources.is_manifest(each)]
    rule_files = [each for each in read if each not in tests and each not in manifests]
    if tests and not rule_files:
        rule_files = _beside(tests, found)
    result = compilation.compile(rule_files)
    owned = resources.rules(manifests, found)
    listed = [test for document in tests for test in files.read(document, found)]
    judged = [*_judge_files(result, listed), *_judge_manifests(owned)]
    errors = [each for each in (*found, *result.diagnostics) if each.is_error]
    untested = len({rule.definition.name for rule in result.rules} - {each.rule for each in listed})
    untested += sum(rule.spec is None or not rule.spec.tests for rule in owned)
    failed = [each.problem for each in judged if each.problem is not None]
    good = not errors and not failed and bool(judged)
    if as_json:
        json.dump(_json(good, judged, errors, untested), out, indent=2)
        out.write("\n")
    else:
        out.writelines(each.render() + "\n\n" for each in (*errors, *failed))
        out.write(_summary(judged, len(failed), untested))
    return 0 if good else 1


def _beside(tests: Sequence[documents.Document], found: list[Diagnostic]) -> list[documents.Document]:
    """The rule files of the folders in which the tests lie: they usually build upon each other."""
    folders = dict.fromkeys(Path(each.name).parent for each in tests)
    read, problems = reading.read(folders)
    found += problems
    return [each for each in read if not resources.is_manifest(each)]


def _judge_files(result: compiled.Result, tests: Sequence[files.Test]) -> Iterator[Judged]:
    rules = {rule.definition.name: rule for rule in result.rules}
    for each in tests:
        rule = rules.get(each.rule)
        if rule is None:
            message = f"there is no rule {each.rule!r} that compiles, for the test to be about"
            yield Judged(each.rule, each.case.name, each.finding(Code.BAD_TEST, message, suggest(each.rule, rules)))
            continue
        (outcome,) = cases.run(rule.condition, [each.case], rule.output)
        problem = None
        if outcome.problem is not None:
            message = f"the test {each.case.name!r} {outcome.problem}"
            problem = each.finding(_code(outcome), message, outcome.suggestion)
        yield Judged(each.rule, each.case.name, problem)


def _judge_manifests(owned: Sequence[resources.Rule]) -> Iterator[Judged]:
    for rule in owned:
        if rule.compiled is None or rule.spec is None:
            continue  # its errors are told; rules of a rule set have tests in files
        tests = [cases.Case(each.name, each.event, each.match) for each in rule.spec.tests]
        for number, outcome in enumerate(cases.run(rule.compiled.condition, tests)):
            problem = None
            if outcome.problem is not None:
                place = Place(f"{rule.owner}: spec.tests[{number}]", 1, 1)
                message = f"the test {outcome.case.name!r} {outcome.problem}"
                problem = Diagnostic(Severity.ERROR, _code(outcome), message, place, outcome.suggestion)
            yield Judged(rule.resource, outcome.case.name, problem)


def _code(outcome: cases.Outcome) -> Code:
    return Code.TEST_FAILED if outcome.held is not None else Code.BAD_TEST


def _summary(judged: Sequence[Judged], failed: int, untested: int) -> str:
    if not judged:
        return f"no tests found: put them beside the rules, into files that end in {reading.TESTS[0]}\n"
    rest = f"; {untested} rules have no test" if untested else ""
    return f"{len(judged)} tests, {failed} failed{rest}\n"


def _json(good: bool, judged: Sequence[Judged], errors: Sequence[Diagnostic], untested: int) -> dict[str, object]:
    return {
        "ok": good,
        "tests": [
            {
                "rule": each.rule,
                "test": each.name,
                "passed": each.problem is None,
                **({"problem": each.problem.to_json()} if each.problem else {}),
            }
            for each in judged
        ],
        "rules_without_tests": untested,
        "diagnostics": [each.to_json() for each in errors],
    }
