"""Every example compiles exactly as the operator compiles it, passes its own tests, and raises no doubt."""

from __future__ import annotations

import pathlib
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from falcon_operator.reconcile import catalog, resources

EXAMPLES = pathlib.Path(__file__).resolve().parents[2] / "examples"
FILES = sorted(EXAMPLES.glob("*.yaml"))


def bodies(path: pathlib.Path) -> Iterator[dict[str, Any]]:
    yield from yaml.safe_load_all(path.read_text())


@pytest.fixture(scope="module")
def compiled() -> catalog.Catalog:
    """All examples at once, as `kubectl apply -f examples/` puts them."""
    rules = catalog.Catalog()
    for path in FILES:
        for body in bodies(path):
            assert rules.put(resources.Resource.of(body)), f"{path.name}: stands in another file, too"
    rules.compile()
    return rules


def test_there_is_a_dozen():
    assert len(FILES) >= 12


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_it_compiles_and_passes_its_tests(compiled: catalog.Catalog, path: pathlib.Path):
    for body in bodies(path):
        ref = resources.Resource.of(body).ref
        entries = compiled.of(ref)
        assert entries or ref.kind == "FalconRuleSet"
        for entry in entries:
            assert entry.verdict is catalog.Verdict.GOOD, entry.diagnostics
            assert not entry.diagnostics
            assert entry.in_force is not None
            assert entry.in_force.event_types, "an example should not ask for every event"
        assert not compiled.problems(ref)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_it_compiles_alone(path: pathlib.Path):
    """So that a reader may take a single file."""
    rules = catalog.Catalog()
    for body in bodies(path):
        rules.put(resources.Resource.of(body))
    rules.compile()
    assert all(entry.verdict is catalog.Verdict.GOOD for entry in rules.entries())


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_it_says_what_it_is_for(path: pathlib.Path):
    assert path.read_text().startswith("# ")
    assert f"[{path.name}]({path.name})" in (EXAMPLES / "README.md").read_text()


def test_a_broken_test_in_an_example_would_be_noticed():
    body = next(bodies(EXAMPLES / "03-write-below-etc.yaml"))
    body["spec"]["tests"][0]["match"] = False
    rules = catalog.Catalog()
    rules.put(resources.Resource.of(body))
    rules.compile()
    assert [entry.verdict for entry in rules.entries()] == [catalog.Verdict.TEST_FAILED]
