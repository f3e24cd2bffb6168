"""The language's conformance cases, if there is a directory of them (`FALCON_CONFORMANCE`)."""

from __future__ import annotations

import importlib.util
import os
import sys
from pathlib import Path

import pytest
import yaml

CASES = os.environ.get("FALCON_CONFORMANCE")

if not CASES:
    pytest.skip("FALCON_CONFORMANCE names no directory of conformance cases", allow_module_level=True)


def load_adapter():
    spec = importlib.util.spec_from_file_location("falcon_conformance_adapter", Path(__file__).parent / "adapter.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


ADAPTER = load_adapter()


def cases(group):
    path = Path(CASES or "") / f"{group}.yaml"
    found = yaml.load(path.read_text("utf-8"), Loader=yaml.CSafeLoader)["cases"] if path.exists() else []
    return [pytest.param(case, id=case["id"]) for case in found if not case.get("quirk")]


@pytest.mark.parametrize("case", cases("parse"))
def test_parse(case):
    if case["valid"]:
        assert ADAPTER.parse(case["text"]) == case["ast"]
    else:
        with pytest.raises(ADAPTER.ConditionError):
            ADAPTER.parse(case["text"])


@pytest.mark.parametrize("case", cases("load"))
def test_load(case):
    result = ADAPTER.load(case["docs"], **case.get("options", {}))
    assert result.ok is case["ok"], result.errors
    assert [error["code"] for error in result.errors] == [error["code"] for error in case.get("errors", [])][:1]
    assert sorted(each["code"] for each in result.warnings) == sorted(each["code"] for each in case["warnings"])
    expected = case.get("expect", {})
    assert list(result.rules) == expected.get("order", list(result.rules))
    for name, keys in expected.get("rules", {}).items():
        for key in keys.keys() - {"condition", "event_types"}:
            assert getattr(result.rules[name], key) == keys[key]


@pytest.mark.parametrize("case", cases("eval"))
def test_eval(case):
    if case.get("error"):
        with pytest.raises(ADAPTER.ConditionError):
            ADAPTER.evaluate(case["condition"], case.get("event", {}), types=case.get("types"))
    else:
        got = ADAPTER.evaluate(case["condition"], case.get("event", {}), types=case.get("types"))
        assert bool(got) is case["match"]


@pytest.mark.parametrize("case", cases("format"))
def test_format(case):
    if case.get("error"):
        with pytest.raises(ADAPTER.ConditionError):
            ADAPTER.format(case["template"], case["event"], **case.get("options", {}))
    else:
        got = ADAPTER.format(case["template"], case["event"], **case.get("options", {}))
        assert (got.message, got.line, got.json) == (case["message"], case["line"], case["json"])
