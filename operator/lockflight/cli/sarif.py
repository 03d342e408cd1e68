"""SARIF 2.1.0 reports of static analysis and scanners, read with suspicion."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from lockflight.api.evidence import Evidence
from lockflight.cli.evidence import Given, ReportError, digest_of, read_report

STATIC_ANALYSIS: Final = "static-analysis"
LEVELS: Final = ("note", "warning", "error")
"""The levels of a result, mildest first; a result of level none is no finding."""


def from_sarif(kind: str, path: Path, fail_on: str) -> Given:
    """What a SARIF report says: Failed where a finding is at least ``fail_on``. Raises OSError and ReportError."""
    data = read_report(path)
    findings = parse_sarif(data)
    severe = [level for level in findings if level in LEVELS[LEVELS.index(fail_on) :]]
    counted = ", ".join(f"{findings.count(level)} {level}" for level in reversed(LEVELS))
    evidence = Evidence(type=kind, result="Failed" if severe else "Passed", digest=digest_of(data))
    return Given(evidence, f"{kind}: {path}: {counted}; {fail_on} and above fail")


def parse_sarif(data: bytes) -> Sequence[str]:
    """The level of each finding that is not suppressed.

    Raises ReportError where it is no SARIF 2.1.0, where no tool ran, or where one did not run to its end.
    """
    try:
        report = json.loads(data)
    except (ValueError, RecursionError) as problem:
        msg = f"it is no JSON: {type(problem).__name__}"
        raise ReportError(msg) from problem
    runs = report.get("runs") if isinstance(report, dict) else None
    if not isinstance(report, dict) or report.get("version") != "2.1.0" or not isinstance(runs, list):
        msg = "it is no SARIF report of version 2.1.0"
        raise ReportError(msg)
    if not runs:
        msg = "no tool ran: that is evidence of nothing"
        raise ReportError(msg)
    return [level for run in runs for level in _findings(run)]


def _findings(run: Any) -> list[str]:
    tool = run.get("tool") if isinstance(run, dict) else None
    driver = tool.get("driver") if isinstance(tool, dict) else None
    if not isinstance(driver, dict):
        msg = "a run in it names no tool"
        raise ReportError(msg)
    name = str(driver.get("name", "?"))[:64]
    if not isinstance(run.get("results"), list):
        # By the specification: the tool computed no results at all.
        msg = f"{name} brought no results: that is evidence of nothing"
        raise ReportError(msg)
    for invocation in run.get("invocations") or ():
        if not isinstance(invocation, dict) or invocation.get("executionSuccessful") is not True:
            msg = f"{name} did not run to its end"
            raise ReportError(msg)
    defaults = _defaults(driver)
    return [level for result in run["results"] if (level := _level(result, defaults)) in LEVELS]


def _defaults(driver: Mapping[str, Any]) -> tuple[list[str], dict[str, str]]:
    """The level of each rule, by its place and by its name."""
    by_place, by_name = [], {}
    for rule in driver.get("rules") or ():
        settings = rule.get("defaultConfiguration") if isinstance(rule, dict) else None
        level = str(settings.get("level", "warning")) if isinstance(settings, dict) else "warning"
        by_place.append(level)
        if isinstance(rule, dict):
            by_name[str(rule.get("id"))] = level
    return by_place, by_name


def _level(result: Any, defaults: tuple[list[str], dict[str, str]]) -> str:
    """How bad a finding is; what cannot be read is an error."""
    if not isinstance(result, dict):
        return "error"
    if result.get("suppressions") and all(
        isinstance(s, dict) and s.get("status", "accepted") == "accepted" for s in result["suppressions"]
    ):
        return "none"
    if result.get("kind", "fail") != "fail" or result.get("baselineState") == "absent":
        return "none"
    if "level" in result:
        return str(result["level"]) if result["level"] in (*LEVELS, "none") else "error"
    place, name = result.get("ruleIndex"), result.get("ruleId")
    by_place, by_name = defaults
    if isinstance(place, int) and 0 <= place < len(by_place):
        return by_place[place]
    return by_name.get(str(name), "warning")
