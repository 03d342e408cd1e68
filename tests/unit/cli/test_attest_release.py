"""``attest`` on a release: a word, or a report that says how it came out."""

import json
from pathlib import Path
from typing import Any

import pytest

from lockflight.cli import evidence
from lockflight.cli.evidence import ReportError
from lockflight.cli.sarif import parse_sarif
from tests.signing import envelope, p256, statement
from tests.unit.cli.fakes import DIGEST, STACK, FakeApi, obj, run

NAME = "payments-2.4.0"
JUNIT = '<testsuite><testcase name="a"/><testcase name="b">{}</testcase></testsuite>'


def release(digest: str | None = DIGEST) -> dict[str, Any]:
    chart = {"oci": "oci://registry.example/payments", "version": "2.4.0"}
    spec = {"application": "payments", "version": "2.4.0", "chart": chart}
    return dict(obj("Release", NAME, spec, {"evidence": [], **({"digest": digest} if digest else {})}))


def words(api: FakeApi) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = api.objects["Release", STACK, NAME]["status"]["evidence"]
    return found


def test_a_word_is_bound_to_the_bytes_and_says_who() -> None:
    api = FakeApi(release())
    result = run(api, "attest", NAME, "--type", "pen-test", "--result", "Passed", "--url", "https://ci.example/7")
    assert result.exit_code == 0, result.output
    assert words(api) == [
        {
            "type": "pen-test",
            "result": "Passed",
            "url": "https://ci.example/7",
            "by": "alice",
            "groups": ["cab", "system:authenticated"],
            "generation": 1,
            "releaseDigest": DIGEST,
        }
    ]


@pytest.mark.parametrize(("inside", "outcome"), [("", "Passed"), ("<failure/>", "Failed")])
def test_a_junit_report_says_how_it_came_out(tmp_path: Path, inside: str, outcome: str) -> None:
    path = tmp_path / "junit.xml"
    path.write_text(JUNIT.format(inside))
    api = FakeApi(release())
    result = run(api, "attest", NAME, "--type", "integration-tests", "--junit", str(path))
    assert result.exit_code == 0, result.output
    (word,) = words(api)
    assert (word["type"], word["result"]) == ("integration-tests", outcome)
    assert word["digest"].startswith("sha256:")
    assert "2 tests" in result.stderr


def sarif(*results: dict[str, Any], **run_: Any) -> str:
    driver = {"name": "scan", "rules": [{"id": "R1", "defaultConfiguration": {"level": "error"}}, {"id": "R2"}]}
    return json.dumps({"version": "2.1.0", "runs": [{"tool": {"driver": driver}, "results": list(results), **run_}]})


@pytest.mark.parametrize(
    ("finding", "level"),
    [
        ({"level": "note"}, "note"),
        ({"ruleId": "R1"}, "error"),
        ({"ruleId": "R9", "ruleIndex": 0}, "error"),
        ({"ruleId": "R2"}, "warning"),
        ({}, "warning"),
        ({"level": "severe"}, "error"),
        ({"level": "error", "suppressions": [{"kind": "inSource"}]}, None),
        ({"level": "error", "suppressions": [{"kind": "external", "status": "rejected"}]}, "error"),
        ({"level": "error", "kind": "pass"}, None),
        ({"level": "error", "baselineState": "absent"}, None),
        ({"level": "none"}, None),
    ],
)
def test_how_bad_a_finding_is(finding: dict[str, Any], level: str | None) -> None:
    assert list(parse_sarif(sarif(finding).encode())) == ([level] if level else [])


@pytest.mark.parametrize(("fail_on", "outcome"), [("error", "Passed"), ("warning", "Failed"), ("note", "Failed")])
def test_a_sarif_report_fails_from_a_level_on(tmp_path: Path, fail_on: str, outcome: str) -> None:
    path = tmp_path / "scan.sarif"
    path.write_text(sarif({"level": "warning"}))
    api = FakeApi(release())
    result = run(api, "attest", NAME, "--sarif", str(path), "--fail-on", fail_on)
    assert result.exit_code == 0, result.output
    assert [(w["type"], w["result"]) for w in words(api)] == [("static-analysis", outcome)]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{}", "no SARIF report of version 2.1.0"),
        ('{"version": "2.0.0", "runs": []}', "no SARIF report of version 2.1.0"),
        ('{"version": "2.1.0", "runs": []}', "no tool ran"),
        ('{"version": "2.1.0", "runs": [{}]}', "names no tool"),
        (sarif(results=None), "brought no results"),
        (sarif(invocations=[{"executionSuccessful": False}]), "did not run to its end"),
        ("not json", "no JSON"),
        ("[" * 200_000, "no JSON"),
    ],
    ids=lambda text: text[:24],
)
def test_what_is_no_finished_scan_is_no_evidence(text: str, says: str) -> None:
    with pytest.raises(ReportError, match=says):
        parse_sarif(text.encode())


@pytest.mark.parametrize("option", ["--junit", "--sarif"])
def test_a_report_of_50_mib_is_refused_without_being_read(tmp_path: Path, option: str) -> None:
    path = tmp_path / "huge"
    with path.open("wb") as file:
        file.truncate(50 * 1024 * 1024)
    api = FakeApi(release())
    result = run(api, "attest", NAME, option, str(path))
    assert result.exit_code != 0
    assert f"it has 52428800 bytes; at most {evidence.MAX_BYTES} are read" in result.stderr
    assert api.writes == []


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "it is empty"),
        ("  \n", "it is empty"),
        ('<!DOCTYPE t [<!ENTITY a "b">]><testsuite/>', "document type or entities"),
        ('<!DOCTYPE t SYSTEM "file:///etc/passwd"><testsuite/>', "document type or entities"),
        ("<testsuite/>", "no test in it ran"),
        ("<testsuite><testcase>", "no XML"),
    ],
)
def test_bad_junit_is_refused_with_a_reason(tmp_path: Path, text: str, says: str) -> None:
    path = tmp_path / "junit.xml"
    path.write_text(text)
    api = FakeApi(release())
    result = run(api, "attest", NAME, "--junit", str(path))
    assert result.exit_code != 0
    assert says in result.stderr
    assert api.writes == []


def test_a_waiver_names_role_and_reason() -> None:
    api = FakeApi(release())
    waiver = ("--type", "integration-tests", "--result", "NotApplicable", "--role", "test-lead", "--reason", "nothing")
    result = run(api, "attest", NAME, *waiver)
    assert result.exit_code == 0, result.output
    assert [(w["result"], w["role"], w["reason"]) for w in words(api)] == [("NotApplicable", "test-lead", "nothing")]


def test_a_pull_request_names_its_reviewers() -> None:
    api = FakeApi(release())
    result = run(
        api, "attest", NAME, "--type", "pull-request", "--result", "Passed", "--reviewer", "rob", "--author", "jo"
    )
    assert result.exit_code == 0, result.output
    assert [(w["reviewers"], w["authors"]) for w in words(api)] == [(["rob"], ["jo"])]


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ((), "say what was checked"),
        (("--type", "pen-test"), "say what was checked"),
        (("--type", "pen-test", "--result", "NotApplicable"), "is a waiver"),
        (("--type", "pen-test", "--result", "NotApplicable", "--role", "qa"), "takes --reason"),
        (("--type", "pen-test", "--result", "Passed", "--role", "qa"), "is a waiver"),
        (("--type", "pull-request", "--result", "Passed"), "takes --reviewer"),
        (("--type", "pen-test", "--result", "Passed", "--reviewer", "rob"), "takes --reviewer"),
        (("--type", "pen-test", "--result", "Passed", "--author", "jo"), "belong to a pull request"),
        (("--junit", "a.xml", "--sarif", "b.sarif"), "one report says"),
        (("--junit", "a.xml", "--result", "Passed"), "one report says"),
        (("load", "--result", "Passed"), "a step takes --role"),
        (("--type", "pen-test", "--result", "Passed", "--comment", "x"), "--comment goes with a step"),
    ],
)
def test_wrong_usage_says_what_is_missing(options: tuple[str, ...], says: str) -> None:
    api = FakeApi(release())
    result = run(api, "attest", NAME, *options)
    assert result.exit_code != 0
    assert says in result.stderr
    assert api.writes == []


def _signed(tmp_path: Path, **said: Any) -> str:
    path = tmp_path / "signed.json"
    path.write_text(json.dumps(envelope(p256(), statement(DIGEST, **said)), indent=2))
    return str(path)


def test_a_signed_attestation_is_sent_as_it_is(tmp_path: Path) -> None:
    api = FakeApi(release())
    path = _signed(tmp_path)
    result = run(api, "attest", NAME, "--attestation", path)
    assert result.exit_code == 0, result.output
    (word,) = words(api)
    assert (word["type"], word["result"]) == ("integration-tests", "Passed")
    assert json.loads(word["attestation"]) == json.loads(Path(path).read_text())


@pytest.mark.parametrize(
    ("said", "options", "says"),
    [
        ({"result": "WARNED"}, (), "neither passed nor failed"),
        ({}, ("--type", "unit-tests"), "its statement is about integration-tests (predicate.configuration), not unit"),
        ({"predicateType": "https://slsa.dev/provenance/v1"}, (), "no in-toto test-result statement"),
        ({"padding": "x" * 300_000}, (), "leave the names of single tests out"),
        ({"padding": "x" * 30_000}, (), "leave the names of single tests out"),
        ({}, ("--result", "Passed"), "leave --junit, --sarif and --result out"),
    ],
)
def test_an_attestation_of_no_use_is_refused(
    tmp_path: Path, said: dict[str, Any], options: tuple[str, ...], says: str
) -> None:
    api = FakeApi(release())
    result = run(api, "attest", NAME, "--attestation", _signed(tmp_path, **said), *options)
    assert result.exit_code != 0
    assert says in result.stderr
    assert api.writes == []


@pytest.mark.parametrize("text", ["", "{}", "[]", "null", '{"payload": 7}', "[" * 50_000])
def test_what_is_no_envelope_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "signed.json"
    path.write_text(text)
    result = run(FakeApi(release()), "attest", NAME, "--attestation", str(path))
    assert result.exit_code != 0
    assert "it is no DSSE envelope or Sigstore bundle" in result.stderr


def test_nothing_is_attested_before_the_bytes_are_known() -> None:
    result = run(FakeApi(release(None)), "attest", NAME, "--type", "pen-test", "--result", "Passed", "--timeout", "2s")
    assert result.exit_code != 0
    assert f"the charts of release {NAME} are not resolved" in result.stderr
