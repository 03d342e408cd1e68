"""Evidence: words, and JUnit reports that may be hostile."""

from pathlib import Path

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lockflight.cli import evidence
from lockflight.cli.evidence import EvidenceType, ReportError, Totals, parse_junit

REPORT = b"""<?xml version="1.0"?><testsuites><testsuite tests="99" failures="0">
<testcase name="a"/><testcase name="b"><skipped/></testcase><testcase name="c"><system-out>ok</system-out></testcase>
</testsuite></testsuites>"""


def test_cases_are_counted_and_the_totals_of_the_report_not_believed() -> None:
    assert parse_junit(REPORT) == Totals(tests=3, failed=0, skipped=1)


@pytest.mark.parametrize("tag", ["failure", "error"])
def test_a_case_that_failed_fails_the_report(tag: str) -> None:
    totals = parse_junit(
        f"<testsuite failures='0'><testcase><{tag}/><{tag}/></testcase><testcase/></testsuite>".encode()
    )
    assert totals == Totals(tests=2, failed=1, skipped=0)
    assert not totals.passed


def test_a_suite_that_broke_before_its_cases_fails_the_report() -> None:
    assert not parse_junit(b"<testsuite><error>no database</error><testcase/></testsuite>").passed


def test_a_namespace_does_not_hide_a_failure() -> None:
    assert not parse_junit(b"<j:testsuite xmlns:j='urn:j'><j:testcase><j:failure/></j:testcase></j:testsuite>").passed


@pytest.mark.parametrize(
    ("report", "says"),
    [
        (b'<!DOCTYPE t [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><testsuite>&b;</testsuite>', "document type"),
        (b'<!DOCTYPE t [<!ENTITY x SYSTEM "file:///etc/passwd">]><testsuite>&x;</testsuite>', "document type"),
        (b'<!DOCTYPE testsuite SYSTEM "http://example.com/x.dtd"><testsuite/>', "document type"),
        (b"<testsuite>&undefined;</testsuite>", "no XML"),
        (b"<testsuite>", "no XML"),
        (b"", "no XML"),
        (b"\x00\xff\xfe", "no XML"),
        (b"<html><testcase/></html>", "no JUnit report"),
        (b"<testsuite>" + b"<a>" * 100, "nested"),
    ],
)
def test_a_hostile_report_is_refused(report: bytes, says: str) -> None:
    with pytest.raises(ReportError, match=says):
        parse_junit(report)


def test_a_huge_report_is_refused_unread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evidence, "MAX_BYTES", 10)
    with pytest.raises(ReportError, match="at most 10"):
        parse_junit(REPORT)


@given(st.binary(max_size=200))
def test_any_bytes_are_counted_or_refused(report: bytes) -> None:
    try:
        parse_junit(report)
    except ReportError:
        return


def _convert(text: str) -> evidence.Given:
    return EvidenceType().convert(text, None, None)


def test_a_word_with_an_address() -> None:
    given_word = _convert("static-analysis=Passed:https://ci.example/7").evidence
    assert given_word.dump() == {"type": "static-analysis", "result": "Passed", "url": "https://ci.example/7"}


def test_a_report_is_unit_tests_unless_said_otherwise(tmp_path: Path) -> None:
    path = tmp_path / "junit.xml"
    path.write_bytes(REPORT)
    plain, named = _convert(str(path)), _convert(f"integration-tests={path}")
    assert (plain.evidence.type, named.evidence.type) == ("unit-tests", "integration-tests")
    assert plain.evidence.result == "Passed"
    assert plain.evidence.digest is not None
    assert plain.remark == f"unit-tests: {path}: 3 tests, 0 failed, 1 skipped"


def test_a_report_with_failures_is_told_as_failed(tmp_path: Path) -> None:
    path = tmp_path / "junit.xml"
    path.write_bytes(b"<testsuite><testcase><failure/></testcase></testsuite>")
    assert _convert(str(path)).evidence.result == "Failed"


def test_a_report_in_which_nothing_ran_is_no_evidence(tmp_path: Path) -> None:
    path = tmp_path / "junit.xml"
    path.write_bytes(b"<testsuite><testcase><skipped/></testcase></testsuite>")
    with pytest.raises(click.BadParameter, match="evidence of nothing"):
        _convert(str(path))


@pytest.mark.parametrize("text", ["unit-tests", "unit-tests=Maybe", "Unit=Passed", "=Passed", "/nonexistent/r.xml"])
def test_anything_else_is_wrong_usage(text: str) -> None:
    with pytest.raises(click.BadParameter):
        _convert(text)
