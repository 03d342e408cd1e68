"""What an auditor asks, and is told."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from lockflight.api.auditrecord import AuditAction, AuditSubject, record_name
from lockflight.cli.client import Manifest
from lockflight.cli.errors import CliError
from lockflight.policy.audit import AuditEntry, following, genesis, head_of
from tests.unit.cli.fakes import DIGEST, STACK, FakeApi, change, data, promotion, run

ROOT = "lockflight-system"
START = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
PROMOTION = "payments-2.4.0-production"
TARGET = "payments-production"
APPROVAL = {"role": "cab", "decision": "Approved", "by": "alice", "groups": ["cab"], "planDigest": DIGEST}
COMMON = {"environment": "production", "namespace": TARGET, "planDigest": DIGEST, "changeName": "chg-1042"}
ROW = {"name": "app", "helmRelease": "payments-app", "revision": 1, "state": "Deployed"}


def entry(
    action: AuditAction, kind: str, name: str, by: str | None = None, key: str = "", /, **facts: Any
) -> AuditEntry:
    namespace = ROOT if name == "baseline" else STACK
    subject = AuditSubject(kind=kind, namespace=namespace, name=name, uid=f"uid-{name}")
    return AuditEntry(action, subject, key=key, by=by, facts=facts)


ENTRIES = (
    entry(
        AuditAction.RULES_CHANGED,
        "Environment",
        "production",
        "petra",
        "generation/1",
        generation=1,
        digest=DIGEST,
        spec={"tier": "Production"},
    ),
    entry(AuditAction.APPROVED, "ChangeRequest", "chg-1042", "alice", "approvals/0", role="cab", planDigest=DIGEST),
    entry(
        AuditAction.APPLIED,
        "Promotion",
        PROMOTION,
        **COMMON,
        tier="Production",
        application="payments",
        version="2.4.0",
        action="Deploy",
        components=[{**ROW, "revision": 0}],
        change={"name": "chg-1042", "planDigest": DIGEST, "approvals": [APPROVAL]},
        evidence=[{"type": "unit-tests", "result": "Passed"}],
        verdicts=[{"gate": "Freeze", "outcome": "Passed", "message": ""}],
    ),
    entry(AuditAction.FINISHED, "Promotion", PROMOTION, **COMMON, phase="Succeeded", components=[ROW]),
)


def manifests() -> list[Manifest]:
    head, made = genesis(STACK), []
    for number, one in enumerate(ENTRIES):
        spec = following(STACK, head, one, START + timedelta(hours=number))
        head = head_of(spec)
        meta = {"name": record_name(STACK, spec.sequence), "namespace": ROOT}
        made.append({"kind": "AuditRecord", "metadata": meta, "spec": spec.dump()})
    return made


def secret(revision: int = 1, **labels: str) -> dict[str, Any]:
    ours = {
        "status": "deployed",
        "lockflight.dev/promotion": f"uid-{PROMOTION}",
        "lockflight.dev/plan": DIGEST.removeprefix("sha256:")[:40],
    }
    name = f"sh.helm.release.v1.payments-app.v{revision}"
    return {"name": name, "labels": {**ours, **labels}, "creationTimestamp": "2026-11-20T11:00:30Z"}


@pytest.fixture
def api() -> FakeApi:
    """A trail that fits what runs."""
    made = FakeApi(*manifests())
    approved = {"role": "cab", "decision": "Approved", "by": "alice", "planDigest": DIGEST}
    made.put(change(approvals=[approved]))
    made.put(promotion("2.4.0", "production", "Succeeded", deployedAt="2026-11-20T11:00:30Z"))
    made.secrets[TARGET] = [secret()]
    return made


def test_a_trail_that_fits_is_said_to(api: FakeApi) -> None:
    result = run(api, "audit", "verify")
    assert result.exit_code == 0, result.output
    assert "payments  4        1     4" in result.stdout


def test_verify_names_what_does_not_fit(api: FakeApi) -> None:
    del api.objects["AuditRecord", ROOT, "payments-0000000002"]
    api.objects["AuditRecord", ROOT, "payments-0000000003"]["spec"]["facts"]["version"] = "9.9.9"
    api.objects["AuditRecord", ROOT, "payments-0000000001"]["spec"]["action"] = "Nonsense"
    api.secrets[TARGET].append(secret(2))
    result = run(api, "audit", "verify", "-o", "json")
    assert result.exit_code == 1
    found = {(f["flaw"], f["record"]) for f in data(result)["findings"]}
    assert found >= {
        ("Gap", "payments-0000000003"),
        ("Edited", "payments-0000000003"),
        ("Unreadable", "payments-0000000001"),
        ("DeploymentWithoutRecord", "payments-0000000003"),
        ("DecisionWithoutRecord", ""),
    }


def test_what_may_not_be_read_is_no_proof(api: FakeApi) -> None:
    def refused(namespace: str) -> Any:
        msg = f"secrets is forbidden in {namespace}"
        raise CliError(msg)

    api.helm_secrets = refused  # type: ignore[method-assign]
    result = run(api, "audit", "verify")
    assert result.exit_code == 1
    assert "NotCompared: Helm's storage in payments-production could not be read" in result.stdout
    assert run(api, "audit", "verify", "--chain-only").exit_code == 0


def test_a_stack_without_records_that_runs_something_does_not_fit(api: FakeApi) -> None:
    for name in [name for kind, _, name in api.objects if kind == "AuditRecord"]:
        del api.objects["AuditRecord", ROOT, name]
    result = run(api, "audit", "verify", "-n", STACK)
    assert result.exit_code == 1
    assert "DeploymentWithoutRecord" in result.stdout


def test_the_population_says_why_it_is_complete(api: FakeApi) -> None:
    result = run(api, "audit", "population", "--from", "2026-11-01", "--to", "2026-11-30", "--tier", "Production")
    assert result.exit_code == 0, result.output
    row = next(line for line in result.stdout.splitlines() if "2.4.0" in line)
    assert all(text in row for text in ("2026-11-20T11:00:00Z", "chg-1042", "alice (cab)", "Succeeded"))
    assert (
        "1 deployment(s) in [2026-11-01 00:00, 2026-12-01 00:00) UTC into tier Production. Complete:" in result.stdout
    )


def test_a_population_that_may_lack_something_says_so(api: FakeApi) -> None:
    del api.objects["AuditRecord", ROOT, "payments-0000000002"]
    result = run(api, "audit", "population", "--from", "2026-11-01", "--to", "2026-11-30", "-o", "json")
    assert result.exit_code == 1
    told = data(result)
    assert (told["complete"], len(told["deployments"])) == (False, 1)
    assert "NOT shown to be complete" in told["statement"]


@pytest.mark.parametrize(
    "wrong", [("yesterday", "2026-11-30"), ("2026-11-01T09:00", "2026-11-30"), ("2026-12-01", "2026-11-01")]
)
def test_a_time_that_is_none_is_refused(api: FakeApi, wrong: tuple[str, str]) -> None:
    assert run(api, "audit", "population", "--from", wrong[0], "--to", wrong[1]).exit_code == 2


def test_show_tells_who_let_it_in_and_on_what(api: FakeApi) -> None:
    result = run(api, "audit", "show", "chg-1042")
    assert result.exit_code == 0, result.output
    for text in (
        "alice",
        "Approved by alice as cab [cab]",
        "evidence unit-tests: Passed",
        "gate Freeze: Passed",
        "payments 2.4.0 to production",
        "Succeeded",
    ):
        assert text in result.stdout
    assert [one["action"] for one in data(run(api, "audit", "show", "chg-1042", "-o", "json"))] == [
        "Approved", "Applied", "Finished"
    ]  # fmt: skip
    assert run(api, "audit", "show", "chg-1").exit_code == 3


def test_rules_shows_what_was_in_force_then(api: FakeApi) -> None:
    result = run(api, "audit", "rules", "--env", "production", "--on", "2026-11-20")
    assert result.exit_code == 0, result.output
    assert "payments/production  1           2026-11-20T09:00:00Z  petra" in result.stdout
    assert run(api, "audit", "rules", "--env", "production", "--on", "2026-11-19").exit_code == 3


def bulk(action: AuditAction, kind: str, name: str, key: str = "", by: str | None = None, **facts: Any) -> AuditEntry:
    namespace = ROOT if kind == "ChangeRequest" else STACK
    subject = AuditSubject(kind=kind, namespace=namespace, name=name, uid=f"uid-{name}")
    return AuditEntry(action, subject, key=key, by=by, facts=facts)


def sealed(stack: str, one: AuditEntry, hours: int) -> Manifest:
    spec = following(stack, genesis(stack), one, START + timedelta(hours=hours))
    return {"kind": "AuditRecord", "metadata": {"name": record_name(stack, 1), "namespace": ROOT}, "spec": spec.dump()}


def test_the_story_of_a_bulk_change_is_told_across_stacks() -> None:
    said = bulk(AuditAction.APPROVED, "ChangeRequest", "big", "approvals/0", "alice", role="cab")
    done = bulk(AuditAction.APPLIED, "Promotion", "p1", changeName=f"{ROOT}/big", application="payments")
    other = bulk(AuditAction.APPLIED, "Promotion", "p2", changeName="big", application="payments")
    told = FakeApi(sealed("ledger", other, 0), sealed(ROOT, said, 1), sealed(STACK, done, 2))
    result = run(told, "audit", "show", "big", "-n", ROOT, "-o", "json")
    assert result.exit_code == 0, result.output
    assert [(r["action"], r["subject"]["name"]) for r in data(result)] == [("Approved", "big"), ("Applied", "p1")]


def test_a_bulk_change_that_differs_from_what_was_sealed_is_named(api: FakeApi) -> None:
    api.put(sealed(ROOT, bulk(AuditAction.APPROVED, "ChangeRequest", "chg-1042", "approvals/0", "alice"), 0))
    whole = change(approvals=[{"role": "cab", "decision": "Approved", "by": "mallory"}])
    api.put({**whole, "metadata": {**whole["metadata"], "namespace": ROOT}})
    result = run(api, "audit", "verify")
    assert result.exit_code == 1
    assert "ObjectDiffers" in result.stdout
    assert f"{ROOT}-0000000001" in result.stdout
