"""Governance documents: whatever the format, the same facts, and nothing that came from others does anything."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from lockflight.api.auditrecord import AuditAction, AuditSubject, record_name
from lockflight.api.kinds import Kind
from lockflight.cli.client import Manifest
from lockflight.cli.errors import CliError
from lockflight.policy.audit import AuditEntry, following, genesis, head_of
from tests.unit.cli.fakes import DIGEST, OTHER, STACK, FakeApi, change, data, environment, obj, promotion, release, run
from tests.unit.cli.reading import html_cells, html_tags, markdown_cells, pdf_text, squeezed

EVIL = "<script>alert('x')</script> | `a` *b* [c](javascript:d) & \\ <!-- -->"
HOSTILE = "Refund\u202elimits\x1b[31m\nnext # line"
IMAGE = "registry.example/payments/api@sha256:" + "c" * 64


def _history() -> FakeApi:
    """A release that is in production, after a failure, under an approved change."""
    stamps = {"lockflight.dev/creator": "jo@example.com"}
    said = {"role": "cab", "by": "alice", "groups": ["cab"], "generation": 3, "planDigest": OTHER}
    plan = {
        "digest": DIGEST,
        "namespace": "payments-production",
        "components": [
            {"name": "app", "chartDigest": DIGEST, "valuesDigest": DIGEST, "manifestDigest": OTHER, "images": [IMAGE]}
        ],
    }
    ran = {
        "execution": {"holder": "lf-0", "fencing": 1, "startedAt": "2026-11-23T20:00:00Z"},
        "plan": plan,
        "change": "chg-1042",
        "verifiedAt": "2026-11-23T20:04:00Z",
        "finishedAt": "2026-11-23T21:00:00Z",
        "verification": [
            {"name": "smoke", "state": "Passed", "finishedAt": "2026-11-23T20:03:00Z", "message": "3 tests"}
        ],
        "signOffs": [{"role": "business", "decision": "Approved", "by": "bea", "comment": EVIL, "planDigest": DIGEST}],
    }
    failed = obj(
        "Promotion",
        "first-try",
        {"releaseRef": {"name": "payments-2.4.0"}, "environmentRef": {"name": "production"}, "action": "Deploy"},
        {
            "phase": "RolledBack",
            "execution": {"holder": "lf-0", "fencing": 1, "startedAt": "2026-11-22T20:00:00Z"},
            "change": "chg-1042",
            "finishedAt": "2026-11-22T20:10:00Z",
            "verification": [{"name": "smoke", "state": "Failed", "message": HOSTILE}],
        },
    )
    asked = change(
        phase="Review",
        approvals=[
            {**said, "decision": "Approved", "comment": EVIL},
            {**said, "by": "bob", "decision": "Approved", "planDigest": DIGEST},
        ],
        observed=[{"index": 0, "at": "2026-11-20T09:00:00Z"}],
        usedBy=[
            {
                "environment": "production",
                "promotionUID": "uid-payments-2.4.0-production",
                "planDigest": DIGEST,
                "at": "2026-11-23T20:00:00Z",
                "finished": True,
            }
        ],
        risk={"effective": "High", "computed": "Medium", "declared": "High", "reasons": ["production: new image"]},
        review=[{"role": "cab", "outcome": "WithIssues", "summary": "Slow at first.", "by": "carol"}],
    )
    asked["metadata"] |= {"annotations": stamps, "generation": 3}
    asked["spec"]["title"] = EVIL
    passed = {
        "name": "production",
        "environmentUID": "uid-production",
        "digest": DIGEST,
        "deployedAt": "2026-11-23T20:02:00Z",
        "verifiedAt": "2026-11-23T20:04:00Z",
        "signedOffAt": "2026-11-23T21:00:00Z",
        "longestSoak": "15h",
    }
    word = {"type": "regression", "result": "Passed", "by": "system:serviceaccount:ci:tests", "releaseDigest": DIGEST}
    waiver = {
        "type": "integration-tests",
        "result": "NotApplicable",
        "role": "qa",
        "reason": EVIL,
        "by": "quinn",
        "releaseDigest": OTHER,
    }
    made = release(
        "2.4.0",
        {"environments": [passed], "evidence": [word, waiver]},
        requires=[{"application": "ledger", "version": ">=1.2 <2"}],
        scope=[{"id": "PAY-381", "title": EVIL}, {"id": "PAY-390", "title": HOSTILE}],
        evidence=[{"type": "unit-tests", "result": "Passed", "url": "https://ci.example/1?a=1&b=2"}],
        source={"branch": "main", "authors": ["Jo <jo@example.com>"]},
    )
    freeze = obj(
        "FreezeWindow",
        "year-end",
        {
            "reason": "Year end",
            "timeZone": "Europe/Berlin",
            "start": "2026-12-18T18:00:00",
            "end": "2027-01-05T00:00:00",
            "environments": {"tiers": ["Production"], "names": []},
        },
    )
    return FakeApi(
        environment("uat", "UAT"),
        environment("production", "Production", "2.4.0", promotesFrom=["uat"]),
        made,
        promotion("2.4.0", "production", "Succeeded", **ran),
        failed,
        asked,
        freeze,
    )


DOCUMENTS = (("change", "chg-1042"), ("release", "payments-2.4.0"), ("environment", "production"))


def _written(kind: str, name: str, form: str, *more: str) -> str:
    result = run(_history(), "report", kind, name, "--format", form, *more)
    assert result.exit_code == 0, result.output
    return result.stdout


def _expected(kind: str, name: str) -> list[str]:
    """Every text of the document, as its model has it."""
    said = data(run(_history(), "report", kind, name, "-o", "json"))
    found = [said["title"], said["subtitle"]]
    for section in said["sections"]:
        found.append(section["title"])
        for block in section["blocks"]:
            found += _texts(block)
    return found


def _texts(block: dict[str, Any]) -> list[str]:
    if "facts" in block:
        return [text for row in block["facts"].items() for text in row]
    if "table" in block:
        return [*block["table"][0], *(cell for row in block["table"] for cell in row.values())]
    return [block["text"]] if "text" in block else block["items"]


@pytest.mark.parametrize(("kind", "name"), DOCUMENTS)
def test_markdown_and_html_say_exactly_what_the_document_says(kind: str, name: str) -> None:
    wanted = _expected(kind, name)
    assert len(wanted) > 60
    assert markdown_cells(_written(kind, name, "md")) == wanted
    assert html_cells(_written(kind, name, "html")) == wanted


@pytest.mark.parametrize(("kind", "name"), DOCUMENTS)
def test_the_pdf_says_what_the_document_says_in_its_order(kind: str, name: str) -> None:
    result = run(_history(), "report", kind, name, "--format", "pdf")
    assert result.exit_code == 0, result.output
    text, place = pdf_text(result.stdout_bytes), 0
    for wanted in map(squeezed, _expected(kind, name)):
        place = text.find(wanted, place)
        assert place >= 0, wanted
        place += len(wanted)


@pytest.mark.parametrize(("kind", "name"), DOCUMENTS)
def test_what_others_wrote_is_inert_in_html(kind: str, name: str) -> None:
    page = _written(kind, name, "html")
    tags, attributes = html_tags(page)
    assert "&lt;script&gt;alert" in page
    assert tags <= {
        *("html", "head", "meta", "title", "style", "body", "h1", "h2", "p"),
        *("table", "thead", "tbody", "tr", "th", "td", "ol", "li"),
    }
    assert attributes <= {"lang", "charset", "name", "content", "http-equiv", "class", "scope"}
    assert "default-src 'none'" in page


@pytest.mark.parametrize(("kind", "name"), DOCUMENTS)
def test_what_others_wrote_is_inert_in_markdown(kind: str, name: str) -> None:
    text = _written(kind, name, "md")
    assert "<script>" not in text
    assert "](javascript" not in text
    rows = [line for line in text.splitlines() if line.startswith("|")]
    assert all(line.endswith(" |") for line in rows)


def test_characters_that_forge_what_is_shown_become_blanks() -> None:
    for form in ("md", "html"):
        text = _written("release", "payments-2.4.0", form)
        assert not {"\u202e", "\x1b"} & set(text)
        assert "Refund limits" in text


def test_the_change_record_has_what_an_auditor_asks_for() -> None:
    wanted = _expected("change", "chg-1042")
    for fact in (
        "Normal: change board, risk assessment, rollback plan",
        "jo@example.com",
        "2026-11-20 09:00:00Z",
        "current",
        "another",
        "HelmRollback",
        "RolledBack",
        "Succeeded",
        "WithIssues",
        "No audit record speaks of it.",
    ):
        assert fact in wanted, fact


def test_the_release_note_has_scope_evidence_approvals_verification_and_deployments() -> None:
    wanted = _expected("release", "payments-2.4.0")
    sections = [
        s["title"] for s in data(run(_history(), "report", "release", "payments-2.4.0", "-o", "json"))["sections"]
    ]
    assert {"Scope", "Evidence", "Changes and approvals", "Verification and sign-offs", "Deployments"} <= set(sections)
    for fact in ("PAY-381", "https://ci.example/1?a=1&b=2", "alice", "smoke", "15h", "production (Production)", IMAGE):
        assert fact in wanted, fact


def test_evidence_says_who_gave_it_and_whether_it_is_of_this_digest() -> None:
    said = data(run(_history(), "report", "release", "payments-2.4.0", "-o", "json"))
    rows = next(s for s in said["sections"] if s["title"] == "Evidence")["blocks"][0]["table"]
    assert [(r["Evidence"], r["Given"], r["By"]) for r in rows] == [
        ("unit-tests", "the build", "-"),
        ("regression", "attested", "system:serviceaccount:ci:tests"),
        ("integration-tests", "attested of another digest", "quinn"),
    ]
    assert rows[2]["Why"].startswith("qa: <script>")


def test_an_environment_is_shown_with_the_rules_that_its_tier_brings() -> None:
    said = data(run(_history(), "report", "environment", "production", "-o", "json"))
    rules = said["sections"][0]["blocks"][0]["facts"]
    assert (rules["Comes after"], rules["Drift"], rules["Promotes by itself"]) == ("uat", "Detect", "no")
    assert "change control" in rules["Below the floor of its tier"].lower().replace("changecontrol", "change control")


def test_access_stands_in_the_documents() -> None:
    api = _history()
    held = {"namespace": "payments-production", "subject": "Group admins", "level": "Admin", "via": "RoleBinding x"}
    api.objects["Environment", STACK, "production"]["status"]["access"] = [{**held, "foreign": True}]
    said = data(run(api, "report", "environment", "production", "-o", "json"))
    (row,) = next(s for s in said["sections"] if s["title"] == "Who has access")["blocks"][0]["table"]
    assert (row["Who"], row["Level"], row["Nobody asked for it"]) == ("Group admins", "Admin", "yes")
    boxed = {
        "environment": "production",
        "level": "Operate",
        "duration": "2h",
        "subjects": [{"kind": "User", "name": "ines"}],
    }
    spec = api.objects["ChangeRequest", STACK, "chg-1042"]["spec"]
    spec |= {"type": "Emergency", "access": [boxed]}
    spec["incident"] = {"id": "INC-77", "severity": "Sev1", "openedAt": "2026-11-20T08:00:00Z"}
    text = run(api, "report", "change", "chg-1042", "-o", "yaml").stdout
    assert "Operate in production for 2h: User ines" in text
    assert "INC-77, Sev1, opened 2026-11-20 08:00:00Z" in text


def test_the_history_counts_by_outcome_and_type_of_change() -> None:
    said = data(run(_history(), "report", "environment", "production", "-o", "json"))
    figures = next(s for s in said["sections"] if s["title"] == "Figures")["blocks"][0]["facts"]
    assert (figures["Deployments begun"], figures["Succeeded"], figures["Failed or taken back"]) == ("2", "1", "1")
    assert (figures["Under Normal changes"], figures["Under Emergency changes"]) == ("2", "0")


def test_the_history_is_of_the_days_asked_for() -> None:
    shown = _written("environment", "production", "md", "--from", "2026-11-23", "--to", "2026-11-23")
    assert "first-try" not in shown.replace("\\", "")
    assert "payments-2.4.0-production" in shown.replace("\\", "")
    result = run(_history(), "report", "environment", "production", "--from", "2026-11-24", "--to", "2026-11-23")
    assert (result.exit_code, "does not lie before" in result.stderr) == (2, True)


def test_the_ending_of_the_file_says_the_format(tmp_path: Path) -> None:
    for name, start in (("a.html", "<!doctype html>"), ("a.md", "# Release payments 2.4.0"), ("a.PDF", "%PDF-")):
        result = run(_history(), "report", "release", "payments-2.4.0", "--file", str(tmp_path / name))
        assert (result.exit_code, result.stdout) == (0, "")
        assert (tmp_path / name).read_bytes().startswith(start.encode())


def test_a_file_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    result = run(_history(), "report", "release", "payments-2.4.0", "--file", str(tmp_path / "no" / "a.md"))
    assert (result.exit_code, "cannot be written" in result.stderr) == (1, True)


def test_what_does_not_exist_ends_with_3() -> None:
    for kind, _ in DOCUMENTS:
        assert run(_history(), "report", kind, "nothing").exit_code == 3


def test_nothing_there_is_said_in_words() -> None:
    api = FakeApi(environment("uat", "UAT"), release("1.0.0"))
    text = run(api, "report", "release", "payments-1.0.0").stdout
    for words in ("says nothing about its scope", "No change names it", "not deployed anywhere", "Nobody decided"):
        assert words in text


def _sealed(*entries: AuditEntry) -> list[Manifest]:
    """The records of the stack's chain."""
    head, found = genesis(STACK), []
    for number, one in enumerate(entries):
        spec = following(STACK, head, one, datetime(2026, 11, 20, 9, number, tzinfo=UTC))
        name = record_name(STACK, spec.sequence)
        found.append(
            {
                "apiVersion": "lockflight.dev/v1alpha1",
                "kind": "AuditRecord",
                "metadata": {"name": name, "namespace": "lockflight-system"},
                "spec": spec.dump(),
            }
        )
        head = head_of(spec)
    return found


def test_a_deployment_whose_promotion_is_gone_is_in_the_history_by_its_record() -> None:
    api = _history()
    subject = AuditSubject(kind="Promotion", namespace=STACK, name="long-ago", uid="uid-long-ago")
    common = {"environment": "production", "changeName": "chg-1"}
    applied = {**common, "application": "payments", "version": "1.9.0", "action": "Deploy", "tier": "Production"}
    for record in _sealed(
        AuditEntry(AuditAction.APPLIED, subject, facts=applied),
        AuditEntry(AuditAction.FINISHED, subject, facts={**common, "phase": "Succeeded"}),
    ):
        api.put(record)
    said = data(run(api, "report", "environment", "production", "-o", "json"))
    table = next(s for s in said["sections"] if s["title"] == "Deployments known from the audit trail alone")
    (row,) = table["blocks"][0]["table"]
    assert (row["Promotion"], row["Version"], row["Outcome"]) == ("long-ago", "1.9.0", "Succeeded")
    uat = data(run(api, "report", "environment", "uat", "-o", "json"))
    assert "Deployments known from the audit trail alone" not in {s["title"] for s in uat["sections"]}


def test_the_records_of_a_change_stand_in_its_document_with_their_hashes() -> None:
    api = _history()
    subject = AuditSubject(kind="ChangeRequest", namespace=STACK, name="chg-1042", uid="uid-chg-1042")
    (record,) = _sealed(AuditEntry(AuditAction.APPROVED, subject, by="alice", facts={"role": "cab"}))
    api.put(record)
    text = run(api, "report", "change", "chg-1042").stdout
    assert record["spec"]["hash"] in text
    assert "No audit record speaks of it" not in text


def test_whoever_may_not_read_the_trail_gets_a_document_that_says_so() -> None:
    class WithoutTrail(FakeApi):
        def list(self, kind: Kind, namespace: str | None) -> Sequence[Manifest]:
            if kind.name == "AuditRecord":
                msg = "auditrecords.lockflight.dev is forbidden"
                raise CliError(msg)
            return super().list(kind, namespace)

    api = _history()
    blind = WithoutTrail(*api.objects.values())
    text = run(blind, "report", "change", "chg-1042").stdout
    assert "The audit records could not be read with the rights of the reader." in text
