"""The JSON report against its schema, with everything in it that JSON has no word for."""

from __future__ import annotations

import json
import math
import subprocess
import sys

import numpy as np
import pytest
from jsonschema import Draft202012Validator
from sample import SAMPLES, hostile, sick

from wganlint.render.report_json import as_json, plain, schema


def refuse(word: str) -> None:
    raise AssertionError(f"{word} is not JSON")


@pytest.mark.parametrize("name", SAMPLES)
def test_output_holds_to_the_schema(name: str) -> None:
    text = as_json(SAMPLES[name]())
    text.encode("utf-8")
    found = json.loads(text, parse_constant=refuse)
    Draft202012Validator.check_schema(schema())
    Draft202012Validator(schema()).validate(found)


def test_keys_and_order_are_stable() -> None:
    found = json.loads(as_json(sick()))
    assert list(found)[:7] == ["schema", "tool", "runs", "findings", "verdicts", "chains", "summary"]
    assert [finding["code"] for finding in found["findings"]] == [finding.code for finding in sick().findings]
    assert found["summary"] == {
        "worst": "critical",
        "counts": {"critical": 4, "high": 1, "medium": 2, "low": 1, "info": 1},
    }
    assert found["chains"][0]["edges"][5]["how"] == "keeps-alive"
    assert found["findings"][0]["place"] == {
        "file": "training/model.py", "line": 118, "column": 18, "end_column": 47,
    }  # fmt: skip


def test_numbers_that_are_not_finite_are_null() -> None:
    found = json.loads(as_json(hostile()))
    assert found["findings"][0]["evidence"][0]["step"] is None
    assert found["runs"][0]["series"][0]["thumbnail"] == [1e308, None, -1e308]
    assert found["findings"][0]["fixes"][0]["check"]["finds"] == {"f\ufffd": {"bound": None, "at": [1, None]}}


def test_foreign_types_are_made_plain() -> None:
    value = {1: np.float64(0.5), "b": np.int64(2), "c": {"y", "x"}, "d": True, "e": object, "f": math.nan}
    found = plain(value)
    assert found == {"1": 0.5, "b": 2, "c": ["x", "y"], "d": True, "e": str(object), "f": None}


def test_rendering_to_json_imports_no_rich() -> None:
    code = (
        "import sys; from wganlint.render import FORMATS; from wganlint.finding import Report\n"
        "[render(Report('0', (), (), (), ())) for render in FORMATS.values()]\n"
        "assert not {'rich', 'torch'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
