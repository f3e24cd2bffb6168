"""The definitions in the repository are what the models give, and of the dialect that servers read."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from falcon_rules import crds
from falcon_rules.model import manifests

ROOT = Path(__file__).parents[2]
KEYS_OF_1_20 = {
    *("type", "description", "enum", "format", "pattern", "default", "required", "properties", "items"),
    *("additionalProperties", "minLength", "maxLength", "minimum", "maximum", "minItems", "maxItems", "maxProperties"),
    *("x-kubernetes-list-type", "x-kubernetes-list-map-keys", "x-kubernetes-preserve-unknown-fields"),
}


def top_schemas() -> Iterator[tuple[str, dict[str, Any]]]:
    for each in crds.definitions():
        yield each["spec"]["names"]["kind"], each["spec"]["versions"][0]["schema"]["openAPIV3Schema"]


def schemas(part: dict[str, Any], where: str) -> Iterator[tuple[str, dict[str, Any]]]:
    yield where, part
    for name, each in part.get("properties", {}).items():
        yield from schemas(each, f"{where}.{name}")
    if "items" in part:
        yield from schemas(part["items"], f"{where}[]")
    if "additionalProperties" in part:
        yield from schemas(part["additionalProperties"], f"{where}.*")


ALL = [found for kind, top in top_schemas() for found in schemas(top, kind)]
PLACES = dict(ALL)


@pytest.mark.parametrize("folder", ["crds", "charts/falcon/crds"])
def test_the_files_are_what_the_models_give(folder: str) -> None:
    written = {path.name: path.read_text() for path in (ROOT / folder).glob("*.yaml")}
    assert written == crds.files(), "run `make crds`"


def test_the_files_are_the_definitions() -> None:
    assert [yaml.safe_load(text) for text in crds.files().values()] == crds.definitions()


@pytest.mark.parametrize(("where", "part"), ALL, ids=[where for where, _ in ALL])
def test_schemas_are_structural(where: str, part: dict[str, Any]) -> None:
    assert set(part) <= KEYS_OF_1_20
    assert "type" in part or part.get("x-kubernetes-preserve-unknown-fields") is True
    if part.get("type") == "array":
        assert part["x-kubernetes-list-type"] in ("map", "set", "atomic")
    if part.get("x-kubernetes-list-type") == "map":
        for key in part["x-kubernetes-list-map-keys"]:
            assert key in part["items"]["required"]
    if part.get("x-kubernetes-list-type") == "set":
        assert part["items"]["type"] == "string"
    if "default" in part and "enum" in part:
        assert part["default"] in part["enum"]
    assert not ("additionalProperties" in part and "properties" in part)


def test_everything_a_user_may_write_is_described() -> None:
    for where, part in ALL:
        if ".spec." in where and not where.endswith(("[]", ".*")):
            assert part.get("description"), where


def test_nothing_in_a_status_has_a_default() -> None:
    assert not [where for where, part in ALL if ".status" in where and "default" in part]


def test_specs_have_the_fields_of_the_design() -> None:
    rule = PLACES["FalconRule.spec"]["properties"]
    assert set(rule) == {
        *("rule", "description", "condition", "output", "priority", "source", "enabled", "mode", "tags"),
        *("macros", "lists", "exceptions", "scope", "nodeSelector", "rateLimit", "extraFields", "tests"),
    }
    assert set(PLACES["FalconRuleSet.spec"]["properties"]) == {"macros", "lists", "rules", "nodeSelector"}
    assert set(PLACES["FalconRule.status"]["properties"]) == {
        *("observedGeneration", "conditions", "compiled", "diagnostics", "nodes", "failedNodes"),
    }


def test_only_cluster_wide_rules_can_see_hosts() -> None:
    assert "host" not in PLACES["FalconRule.spec.scope"]["properties"]
    assert PLACES["ClusterFalconRule.spec.scope.host"]["default"] is True


def test_statuses_are_a_subresource_and_columns_are_printed() -> None:
    for each in crds.definitions():
        version = each["spec"]["versions"][0]
        assert version["subresources"] == {"status": {}}
        assert version["additionalPrinterColumns"][-1]["name"] == "Age"
        assert each["spec"]["names"]["categories"] == ["falcon"]
    by_kind = {each["spec"]["names"]["kind"]: each["spec"] for each in crds.definitions()}
    columns = [column["name"] for column in by_kind["FalconRule"]["versions"][0]["additionalPrinterColumns"]]
    assert columns == ["Priority", "Mode", "Ready", "Reason", "Loaded", "Desired", "Age"]
    assert {kind: spec["names"]["shortNames"] for kind, spec in by_kind.items()} == {
        "FalconRule": ["fr"],
        "ClusterFalconRule": ["cfr"],
        "FalconRuleSet": ["frs"],
        "FalconNode": ["fn"],
    }


@pytest.mark.parametrize(
    ("text", "seconds"), [("30s", 30), ("1m30s", 90), ("1.5h", 5400), ("250ms", 0.25), ("1d", 86400)]
)
def test_durations(text: str, seconds: float) -> None:
    assert manifests.seconds(text) == pytest.approx(seconds)


@pytest.mark.parametrize("text", ["", "30", "s", "1m 30s", "-1s", "1w"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="duration"):
        manifests.seconds(text)
