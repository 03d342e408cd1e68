"""`board`, `why` and `diff`, as people and programs see them."""

from typing import Any

import pytest

from lockflight.api.environment import Environment
from lockflight.api.promotion import PlanStatus
from lockflight.cli.board import ordered
from lockflight.cli.diff import component_rows
from tests.unit.cli.fakes import DIGEST, OTHER, FakeApi, change, data, environment, obj, promotion, release, run

CHAIN = (
    environment("production", "Production", "2.3.0"),
    environment("integration", "Integration", "2.4.0"),
    environment("uat", "UAT", "2.4.0"),
)


@pytest.fixture(autouse=True)
def berlin(monkeypatch: pytest.MonkeyPatch) -> Any:
    import time

    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def test_the_board_shows_what_runs_and_what_waits() -> None:
    api = FakeApi(
        *CHAIN,
        release("2.3.0"),
        release("2.4.0"),
        promotion("2.4.0", "uat", "AwaitingSignOff", waitsFor="1 sign-off by business"),
        promotion("2.4.0", "production", "OnHold", waitsFor="Freeze: quarter end"),
        promotion("2.4.0", "integration", "Succeeded"),
    )
    assert run(api, "board").stdout == (
        "APPLICATION  INTEGRATION  UAT     PRODUCTION\n"
        "payments     2.4.0        2.4.0?  2.3.0 →2.4.0\n"
        "\n"
        "OPEN PROMOTION             ENVIRONMENT  PHASE            AGE  WAITS FOR\n"
        "payments-2.4.0-production  production   OnHold           2h   Freeze: quarter end\n"
        "payments-2.4.0-uat         uat          AwaitingSignOff  2h   1 sign-off by business\n"
    )


def test_the_board_for_programs_says_the_same() -> None:
    api = FakeApi(*CHAIN, release("2.4.0"), promotion("2.4.0", "production", gates=[_gate("Freeze", "Waiting")]))
    stack = data(run(api, "board", "-o", "json"))["stacks"][0]
    assert [e["name"] for e in stack["environments"]] == ["integration", "uat", "production"]
    assert stack["environments"][0]["targets"][0]["version"] == "2.4.0"
    assert stack["promotions"][0]["closedGates"][0]["name"] == "Freeze"


def test_all_stacks_have_their_names_above_them() -> None:
    elsewhere = environment("uat", "UAT")
    elsewhere["metadata"]["namespace"] = "ledger"
    shown = run(FakeApi(*CHAIN, elsewhere), "board", "-A").stdout
    assert shown.index("ledger\n") < shown.index("payments\n")


def test_an_empty_namespace_says_what_to_do() -> None:
    result = run(FakeApi(), "board")
    assert (result.exit_code, result.stdout) == (0, "")
    assert "lockflight stack init" in result.stderr


def test_environments_stand_upstream_first_and_a_cycle_ends() -> None:
    found = ordered(
        Environment.model_validate(e)
        for e in (
            environment("a", "UAT", promotesFrom=["b"]),
            environment("b", "UAT"),
            environment("x", "Production", promotesFrom=["y"]),
            environment("y", "Production", promotesFrom=["x"]),
        )
    )
    assert [e.metadata.name for e in found] == ["b", "a", "x", "y"]


def _gate(name: str, outcome: str, reason: str = "", message: str = "", retry_at: str | None = None) -> dict[str, Any]:
    return {
        "name": name,
        "outcome": outcome,
        "reason": reason or outcome,
        "message": message,
        **({"retryAt": retry_at} if retry_at else {}),
    }


WAITING = promotion(
    "2.4.0",
    "production",
    "OnHold",
    gates=[
        _gate("Order", "Passed"),
        _gate("Soak", "NotApplicable"),
        _gate("Freeze", "Waiting", "FreezeActive", "quarter end", "2026-12-01T08:00:00Z"),
        _gate("Version", "Denied", "Downgrade", "2.5.0 runs"),
    ],
    conditions=[
        {
            "type": "Succeeded",
            "status": "Unknown",
            "reason": "Waiting",
            "message": "held by a freeze",
            "lastTransitionTime": "2026-11-24T10:00:00Z",
        }
    ],
    forecast={"earliestStart": "2026-12-01T08:00:00Z", "waitingFor": [{"who": "cab", "what": "1 of 2 approvals"}]},
)


def test_why_says_closed_gates_first_with_what_to_do_and_when() -> None:
    assert run(FakeApi(WAITING), "why", "payments-2.4.0-production").stdout == (
        "payments-2.4.0-production: OnHold\n"
        "  Deploy payments-2.4.0 to production\n"
        "  held by a freeze\n"
        "\n"
        "Closed\n"
        "  ✗ Version Downgrade: 2.5.0 runs\n"
        "      next: to go back: lockflight -n payments promote payments-2.4.0 production --rollback\n"
        "  … Freeze FreezeActive: quarter end\n"
        "      next: wait until it ends, or have it lifted: lockflight freeze lift NAME --reason WHY\n"
        "      looked at again: 2026-12-01 09:00 CET (2026-12-01 08:00 UTC)\n"
        "\n"
        "Open\n"
        "  ✓ Order\n"
        "  · Soak\n"
        "\n"
        "Forecast\n"
        "  waits for cab: 1 of 2 approvals\n"
        "  earliest start: 2026-12-01 09:00 CET (2026-12-01 08:00 UTC)\n"
    )


def test_why_for_programs_says_what_to_do_next() -> None:
    shown = data(run(FakeApi(WAITING), "why", "payments-2.4.0-production", "-o", "json"))
    assert [g["name"] for g in shown["gates"]] == ["Version", "Freeze", "Order", "Soak"]
    assert "next" in shown["gates"][0]
    assert "next" not in shown["gates"][2]


def test_why_tells_how_far_an_execution_came() -> None:
    found = promotion(
        "2.4.0",
        "uat",
        "RolledBack",
        execution={"holder": "x", "fencing": 1, "startedAt": "2026-11-24T10:00:00Z"},
        components=[{"name": "app", "helmRelease": "payments-app", "revision": 4, "state": "RolledBack"}],
        verification=[{"name": "smoke", "state": "Failed", "message": "exit 1"}],
    )
    shown = run(FakeApi(found), "why", "payments-2.4.0-uat").stdout
    assert "payments-app        RolledBack  4" in shown
    assert "verification smoke  Failed      -         exit 1" in shown


def test_why_says_so_where_the_operator_has_not_looked_yet() -> None:
    assert (
        "has not looked at it yet" in run(FakeApi(promotion("2.4.0", "uat", None)), "why", "payments-2.4.0-uat").stdout
    )


def test_what_others_wrote_cannot_forge_what_is_shown() -> None:
    forged = promotion("2.4.0", "uat", gates=[_gate("Freeze", "Waiting", "X", "a\x1b[2K\r  ✓ Freeze\n  ✓ Order")])
    shown = run(FakeApi(forged), "why", "payments-2.4.0-uat").stdout
    assert "\x1b[2K" not in shown
    assert not any(line.startswith("  ✓") for line in shown.splitlines())


def test_a_field_of_a_newer_operator_is_no_obstacle() -> None:
    newer = promotion("2.4.0", "uat", novelty={"a": 1})
    assert run(FakeApi(newer), "why", "payments-2.4.0-uat").exit_code == 0


def test_what_cannot_be_read_is_said_in_one_line() -> None:
    broken = obj("Promotion", "broken", {"releaseRef": {}})
    result = run(FakeApi(broken), "why", "broken")
    assert result.exit_code == 1
    assert "older than the operator" in result.stderr
    assert len(result.stderr.splitlines()) == 1


def _plan(digest: str, image: str, **component: Any) -> dict[str, Any]:
    return {
        "digest": digest,
        "secretsDigest": DIGEST,
        "namespace": "payments-production",
        "components": [
            {
                "name": "app",
                "chartDigest": digest,
                "valuesDigest": DIGEST,
                "manifestDigest": digest,
                "images": [image],
                **component,
            }
        ],
    }


def _diff_api() -> FakeApi:
    return FakeApi(
        environment("production", "Production", "2.3.0"),
        release(
            "2.4.0",
            {
                "environments": [
                    {
                        "name": "uat",
                        "digest": DIGEST,
                        "deployedAt": "2026-11-24T10:00:00Z",
                        "signedOffAt": "2026-11-24T11:00:00Z",
                    }
                ]
            },
            evidence=[{"type": "unit-tests", "result": "Passed"}],
            source={"revision": "4f0c", "branch": "main", "authors": ["jo@example.com"]},
        ),
        promotion("2.3.0", "production", "Succeeded", plan=_plan(OTHER, "payments:1")),
        promotion("2.4.0", "production", "Waiting", plan=_plan(DIGEST, "payments:2")),
        change(
            approvals=[
                {"role": "cab", "decision": "Approved", "by": "alice", "generation": 3, "planDigest": OTHER},
                {"role": "cab", "decision": "Approved", "by": "bob", "generation": 2, "planDigest": DIGEST},
            ]
        ),
    )


def test_diff_shows_exactly_what_is_being_approved() -> None:
    shown, _, ignored = run(_diff_api(), "diff", "chg-1042").stdout.partition("  does not count: ")
    assert ignored.startswith("bob (cab) ")
    assert shown == (
        "chg-1042: Payments 2.4.0 (Normal, Authorize)\n"
        "  reason: Refund limits\n"
        "  raised by: jo\n"
        "  release: payments-2.4.0, digest aaaaaaaaaaaa\n"
        "  source: 4f0c main by jo@example.com\n"
        "  evidence: unit-tests Passed\n"
        "  passed: uat\n"
        "  rollback: HelmRollback\n"
        "    1. helm rollback payments-app\n"
        f"  plan digest: {OTHER}\n"
        "\n"
        f"production: 2.3.0 runs there (payments-2.3.0), plan {DIGEST}\n"
        "COMPONENT  WHAT      RUNNING       PLANNED\n"
        "app        chart     bbbbbbbbbbbb  aaaaaaaaaaaa\n"
        "app        manifest  bbbbbbbbbbbb  aaaaaaaaaaaa\n"
        "app        image     payments:1    -\n"
        "app        image     -             payments:2\n"
        "  Secret values, by digest: aaaaaaaaaaaa -> aaaaaaaaaaaa (recorded, not binding)\n"
        "\n"
        "Approvals: 0/2 cab\n"
        "  cab: Approved by alice\n"
        "  cab: Approved by bob\n"
    )


def test_diff_for_programs() -> None:
    shown = data(run(_diff_api(), "diff", "chg-1042", "-o", "json"))
    assert shown["planDigest"] == OTHER
    assert shown["environments"][0]["planned"]["components"][0]["images"] == ["payments:2"]
    assert shown["environments"][0]["running"]["version"] == "2.3.0"


def test_diff_of_a_change_whose_release_is_missing_says_so() -> None:
    result = run(FakeApi(change(planDigest=None, plans=[], waitsFor="release missing")), "diff", "chg-1042")
    assert "release: payments-2.4.0, which does not exist" in result.stdout
    assert "plan digest: none yet: release missing" in result.stdout


def test_a_component_that_goes_and_one_that_stays_are_both_told() -> None:
    running = PlanStatus.model_validate(
        {
            **_plan(DIGEST, "a"),
            "components": [*_plan(DIGEST, "a")["components"], *_plan(DIGEST, "b", name="old")["components"]],
        }
    )
    assert component_rows(running, PlanStatus.model_validate(_plan(DIGEST, "a"))) == [
        ("app", "nothing", "same", "same"),
        ("old", "component", "runs", "removed"),
    ]
