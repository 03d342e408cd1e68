"""Evidence from the command line: a word, or a JUnit report read with suspicion."""

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.parsers import expat

import click

from lockflight.api.evidence import Evidence

MAX_BYTES = 16 * 1024 * 1024
"""The largest report that is read. One for many thousand tests is far smaller; a larger one holds captured output."""
MAX_DEPTH = 64
UNIT_TESTS = "unit-tests"

_WORD = re.compile(r"(?P<type>[a-z0-9][-a-z0-9]*)=(?P<result>Passed|Failed)(?::(?P<url>.+))?")
_FILE = re.compile(r"(?:(?P<type>[a-z0-9][-a-z0-9]*)=)?(?P<path>.+\.xml)")


class ReportError(Exception):
    """The report cannot be believed; the message says why."""


@dataclass(frozen=True, slots=True)
class Totals:
    """What a JUnit report says, counted from its test cases."""

    tests: int
    failed: int
    skipped: int

    @property
    def passed(self) -> bool:
        """Something ran, and nothing failed."""
        return self.failed == 0 and self.tests > self.skipped


def parse_junit(data: bytes) -> Totals:
    """Count the test cases of a JUnit XML report.

    Its own totals are not believed. Raises ReportError where it is too large, too deep, no JUnit, or declares a
    document type or entities: a report never needs them, and they can make a parser fetch files or fill the memory.
    """
    if len(data) > MAX_BYTES:
        msg = f"the report has {len(data)} bytes; at most {MAX_BYTES} are read"
        raise ReportError(msg)
    counter = _Counter()
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.StartElementHandler = counter.start
    parser.EndElementHandler = counter.end
    parser.StartDoctypeDeclHandler = _refuse
    parser.EntityDeclHandler = _refuse
    parser.ExternalEntityRefHandler = _refuse
    try:
        parser.Parse(data, True)  # noqa: FBT003
    except expat.ExpatError as problem:
        msg = f"it is no XML: {problem}"
        raise ReportError(msg) from problem
    return counter.totals()


class _Counter:
    def __init__(self) -> None:
        self._path: list[str] = []
        self._tests = self._failed = self._skipped = self._suite_errors = 0
        self._case: set[str] = set()

    def start(self, name: str, _: dict[str, str]) -> None:
        tag = name.rsplit(" ", 1)[-1]
        if not self._path and tag not in ("testsuites", "testsuite"):
            msg = f"it is no JUnit report: its root is <{tag[:64]}>"
            raise ReportError(msg)
        if len(self._path) >= MAX_DEPTH:
            msg = f"elements are nested more than {MAX_DEPTH} deep"
            raise ReportError(msg)
        parent = self._path[-1] if self._path else ""
        if tag == "testcase":
            self._case = set()
        elif parent == "testcase":
            self._case.add(tag)
        elif parent == "testsuite" and tag in ("error", "failure"):
            # A suite that broke before its cases ran.
            self._suite_errors += 1
        self._path.append(tag)

    def end(self, _: str) -> None:
        if self._path.pop() != "testcase":
            return
        self._tests += 1
        if self._case & {"failure", "error"}:
            self._failed += 1
        elif "skipped" in self._case:
            self._skipped += 1

    def totals(self) -> Totals:
        return Totals(self._tests + self._suite_errors, self._failed + self._suite_errors, self._skipped)


def _refuse(*_: Any) -> int:
    msg = "it declares a document type or entities, which no test report needs"
    raise ReportError(msg)


@dataclass(frozen=True, slots=True)
class Given:
    """One piece of evidence, and what to tell the person about it."""

    evidence: Evidence
    remark: str | None = None


class EvidenceType(click.ParamType[Given]):
    """``TYPE=Passed[:URL]``, ``TYPE=Failed[:URL]``, ``report.xml`` or ``TYPE=report.xml``."""

    name = "evidence"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> Given:
        """The evidence, or wrong usage."""
        if isinstance(value, Given):
            return value
        text = str(value)
        if word := _WORD.fullmatch(text):
            return Given(
                Evidence(type=word["type"], result=_result(passed=word["result"] == "Passed"), url=word["url"])
            )
        if file := _FILE.fullmatch(text):
            try:
                return from_junit(file["type"] or UNIT_TESTS, Path(file["path"]))
            except (OSError, ReportError) as problem:
                self.fail(f"{file['path']}: {problem}", param, ctx)
        return self.fail(f"{text!r} is neither TYPE=Passed[:URL], TYPE=Failed[:URL] nor [TYPE=]report.xml", param, ctx)


def read_report(path: Path) -> bytes:
    """The bytes of a report. Raises OSError; ReportError where it is empty, or larger than is read."""
    size = path.stat().st_size
    if size > MAX_BYTES:
        msg = f"it has {size} bytes; at most {MAX_BYTES} are read: leave captured output out of it"
        raise ReportError(msg)
    with path.open("rb") as file:
        data = file.read(MAX_BYTES + 1)
    if not data.strip():
        msg = "it is empty: that is evidence of nothing"
        raise ReportError(msg)
    return data


def from_junit(kind: str, path: Path) -> Given:
    """What a JUnit report says. Raises OSError and ReportError."""
    data = read_report(path)
    totals = parse_junit(data)
    digest = digest_of(data)
    counted = f"{path}: {totals.tests} tests, {totals.failed} failed, {totals.skipped} skipped"
    if totals.tests == totals.skipped:
        msg = f"no test in it ran ({totals.skipped} skipped): that is evidence of nothing"
        raise ReportError(msg)
    return Given(Evidence(type=kind, result=_result(passed=totals.passed), digest=digest), f"{kind}: {counted}")


def digest_of(data: bytes) -> str:
    """The digest of a report."""
    return "sha256:" + hashlib.sha256(data).hexdigest()


def _result(*, passed: bool) -> Any:
    return "Passed" if passed else "Failed"
