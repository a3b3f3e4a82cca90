"""The report of a run, held against its own schema."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import pytest_resilience

pytestmark = pytest.mark.slow

SCHEMA = json.loads((Path(pytest_resilience.__file__).parent / "_report" / "schema.json").read_text("utf-8"))
SUITE = """
    import pytest
    from resilience import conn_retry

    charges = []

    @conn_retry("Payments", "charge", max_retry=3, retry_on=TimeoutError)
    def charge(amount):
        charges.append(amount)

    @pytest.mark.explore
    def test_charged_once():
        charges.clear()
        charge(30)
        assert charges == [30]

    def test_scripted(faults, virtual_clock):
        faults.inject("Payments.charge", "2*raise(TimeoutError)")
        charge(1)

    def test_plain():
        pass

    @pytest.mark.skip(reason="not today")
    def test_skipped():
        pass
"""
TYPES = {"object": dict, "array": list, "string": str, "integer": int, "number": (int, float), "boolean": bool}


def faults_of(value, schema=SCHEMA, path="$"):
    """What of a value is not as a schema says, for the words that ours uses."""
    if "$ref" in schema:
        return faults_of(value, SCHEMA["$defs"][schema["$ref"].rpartition("/")[2]], path)
    if "anyOf" in schema:
        return [] if any(not faults_of(value, each, path) for each in schema["anyOf"]) else [f"{path}: none fits"]
    if "const" in schema or "enum" in schema:
        return [] if value in schema.get("enum", [schema.get("const")]) else [f"{path}: {value!r}"]
    kinds = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    if value is None and "null" in kinds:
        return []
    if not any(each != "null" and isinstance(value, TYPES[each]) for each in kinds):
        return [f"{path}: {value!r} is no {kinds}"]
    found = []
    if isinstance(value, dict):
        properties, others = schema.get("properties", {}), schema.get("additionalProperties", True)
        found += [f"{path}.{key} is missing" for key in schema.get("required", []) if key not in value]
        for key, each in value.items():
            if key not in properties and others is False:
                found.append(f"{path}.{key} is not described")
            else:
                found += faults_of(each, properties.get(key, others), f"{path}.{key}")
    if isinstance(value, list):
        found += [
            wrong
            for number, each in enumerate(value)
            for wrong in faults_of(each, schema["items"], f"{path}[{number}]")
        ]
    return found


@pytest.mark.parametrize("workers", [[], ["-p", "xdist", "-n", "2"]], ids=["one process", "xdist"])
def test_a_report_says_what_every_test_did(suite, forked_workers, workers):
    """Outcomes, counts, timelines and findings stand in a file, as the schema describes it, whoever ran the tests."""
    suite.makepyfile(test_orders=SUITE)

    result = suite.runpytest_inprocess("--resilience", "--resilience-report=out/report.json", *workers)

    result.stdout.fnmatch_lines(["resilience: the report is *report.json"])
    report = json.loads((suite.path / "out" / "report.json").read_text("utf-8"))
    assert faults_of(report) == []
    assert report["outcomes"] == {"skipped": 1, "passed": 2, "failed": 1, "error": 0}
    explored, scripted, plain, skipped = report["tests"]
    assert explored["id"] == "test_orders.py::test_charged_once"
    (finding,) = explored["exploration"]["findings"]
    assert finding["text"] == "assert [30, 30] == [30]"
    assert finding["plan"] == ["Payments.charge, call 1: after raise(TimeoutError('injected'))"]
    assert finding["again"] == f"pytest --resilience --resilience-replay={finding['token']} {explored['id']}"
    assert {"point": "Payments.charge", "call": 1, "fate": "BUG", "plans": 1} in explored["exploration"]["matrix"]
    assert scripted["counts"]["attempts"] == 3
    assert scripted["timeline"][-1]["text"] == "Payments.charge: recovered at attempt 3"
    assert (plain["outcome"], plain["timeline"], plain["exploration"]) == ("passed", [], None)
    assert skipped["outcome"] == "skipped"


def test_a_report_is_whole_without_the_table(suite):
    """Who leaves the table out, which is a plugin of its own, has all tests in the report."""
    suite.makepyfile(SUITE)

    suite.runpytest_inprocess("--resilience", "--resilience-report=report.json", "-p", "no:resilience-summary")

    assert len(json.loads((suite.path / "report.json").read_text("utf-8"))["tests"]) == 4


def test_other_forms_are_refused(suite):
    """A report in HTML is for later, and the message says so."""
    suite.makepyfile(SUITE)

    suite.runpytest("--resilience", "--resilience-report=report.html").stderr.fnmatch_lines(
        [
            "ERROR: --resilience-report must be a path that ends in .json (a report in HTML is for later), "
            "got 'report.html'"
        ]
    )
