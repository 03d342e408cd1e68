"""``change new`` drafts what a board asks for; ``wait`` is what a pipeline does before a step of its own."""

import pytest

from tests.unit.cli.fakes import STACK, FakeApi, change, data, environment, release, run

CONTROL = {"changeControl": {"normal": {"approvals": [{"role": "cab"}]}}}


def _condition(status: str, message: str = "", kind: str = "Authorized") -> dict[str, object]:
    return {
        "type": kind,
        "status": status,
        "observedGeneration": 3,
        "lastTransitionTime": "2026-11-24T11:00:00Z",
        "reason": kind,
        "message": message,
    }


class Assessing(FakeApi):
    """The operator assesses whatever is made."""

    def create(self, kind, namespace, body):  # type: ignore[no-untyped-def]
        made = super().create(kind, namespace, body)
        made["status"] = {
            "observedGeneration": made["metadata"].get("generation", 1),
            "phase": "Assess",
            "waitsFor": "spec.risk.assessment is absent",
            "risk": {"effective": "Medium", "computed": "Medium", "reasons": ["production: +1 tier Production"]},
        }
        self.put(made)
        return made


def test_a_draft_has_what_the_release_and_its_target_say() -> None:
    api = Assessing(release("2.4.0"), environment("production", "Production", "2.3.0", **CONTROL))
    result = run(api, "change", "new", "--release", "payments-2.4.0", "--environment", "production")
    assert result.exit_code == 0, result.output
    spec = api.objects["ChangeRequest", STACK, "payments-2.4.0-production"]["spec"]
    assert spec["title"] == "payments 2.4.0 to production"
    assert spec["rollbackPlan"]["strategy"] == "HelmRollback"
    assert "risk" not in spec
    assert "risk: Medium" in result.stdout
    assert "it waits for: spec.risk.assessment is absent" in result.stderr


def test_a_first_deployment_is_taken_back_by_taking_it_away() -> None:
    api = Assessing(release("2.4.0"), environment("production", "Production", **CONTROL))
    args = ("--release", "payments-2.4.0", "--environment", "production", "--assessment", "tried in UAT")
    run(api, "change", "new", *args, "--name", "chg-9")
    spec = api.objects["ChangeRequest", STACK, "chg-9"]["spec"]
    assert (spec["rollbackPlan"]["strategy"], spec["risk"]) == ("Uninstall", {"assessment": "tried in UAT"})


def test_a_standard_change_names_its_pattern() -> None:
    api = Assessing(release("2.4.1"), environment("production", "Production", "2.4.0", **CONTROL))
    args = ("--release", "payments-2.4.1", "--environment", "production", "--standard", "patch-upgrade")
    found = data(run(api, "change", "new", *args, "-o", "json"))
    assert (found["spec"]["type"], found["spec"]["standardChangeRef"]) == ("Standard", {"name": "patch-upgrade"})


def test_a_pipeline_goes_on_when_the_change_is_authorised() -> None:
    result = run(FakeApi(change(conditions=[_condition("True", "it may be carried out now")])), "wait", "chg-1042")
    assert result.stdout == "change chg-1042 is Authorized: it may be carried out now\n"


def test_what_was_authorised_before_an_edit_is_not_any_more() -> None:
    stale = {**_condition("True"), "observedGeneration": 2}
    result = run(FakeApi(change(conditions=[stale])), "wait", "chg-1042", "--timeout", "1s")
    assert result.exit_code != 0


@pytest.mark.parametrize("phase", ["Rejected", "Expired", "Cancelled", "Closed"])
def test_a_change_that_ended_is_not_waited_for(phase: str) -> None:
    result = run(FakeApi(change(phase=phase, conditions=[_condition("False", "over")])), "wait", "chg-1042")
    assert result.exit_code != 0
    assert f"change chg-1042 is {phase}: over" in result.stderr


def test_when_the_time_is_up_it_says_what_was_missing() -> None:
    api = FakeApi(change(conditions=[_condition("False", "production: Freeze: year-end")]))
    result = run(api, "wait", "chg-1042", "--timeout", "3s")
    assert "time is up: production: Freeze: year-end" in result.stderr


ACTIVITY = (
    *("change", "new", "--environment", "production", "--activity", "DRExercise", "--duration", "2h"),
    *("--description", "Fail over and back.", "--step", "Fail back."),
)
TIMES = ("--schedule-start", "2026-12-05T20:00:00Z", "--schedule-end", "2026-12-05T23:00:00Z")


def test_an_activity_is_drafted_without_a_release() -> None:
    api = Assessing(environment("production", "Production", **CONTROL))
    result = run(api, *ACTIVITY, *TIMES, "--name", "chg-9", "--application", "ledger")
    assert result.exit_code == 0, result.output
    spec = api.objects["ChangeRequest", STACK, "chg-9"]["spec"]
    assert spec["activity"] == {
        "kind": "DRExercise",
        "description": "Fail over and back.",
        "duration": "2h",
        "applications": ["ledger"],
    }
    assert "releaseRef" not in spec
    assert spec["rollbackPlan"] == {"strategy": "Manual", "steps": ["Fail back."]}
    assert "activity: DRExercise of ledger, takes 2h" in result.stdout


@pytest.mark.parametrize(
    "arguments",
    [
        ACTIVITY,
        (*ACTIVITY, *TIMES, "--release", "payments-2.4.0"),
        (*ACTIVITY, *TIMES, "--standard", "patch-upgrade"),
        (*ACTIVITY[:6], *TIMES),
        ("change", "new", "--environment", "production"),
    ],
    ids=["no schedule", "with a release", "as a pattern", "no words", "nothing"],
)
def test_half_an_activity_is_wrong_usage(arguments: tuple[str, ...]) -> None:
    result = run(Assessing(environment("production", "Production", **CONTROL)), *arguments)
    assert result.exit_code == 2, result.output


def test_a_change_says_that_the_release_is_a_hotfix() -> None:
    api = Assessing(release("2.4.1"), environment("production", "Production", "2.4.0", **CONTROL))
    args = ("--release", "payments-2.4.1", "--environment", "production", "--hotfix", "PAY-512")
    result = run(api, "change", "new", *args, "--name", "chg-9")
    spec = api.objects["ChangeRequest", STACK, "chg-9"]["spec"]
    assert (spec["type"], spec["hotfix"]) == ("Normal", {"defect": "PAY-512"})
    assert "hotfix: PAY-512" in result.stdout
    said = ("--title", "x", "--reason", "y")
    assert run(api, "change", "create", *args, *said, "--name", "chg-10").exit_code == 0
    assert api.objects["ChangeRequest", STACK, "chg-10"]["spec"]["hotfix"] == {"defect": "PAY-512"}


@pytest.mark.parametrize("verb", ["new", "create"])
def test_a_hotfix_follows_no_pattern(verb: str) -> None:
    api = Assessing(release("2.4.1"), environment("production", "Production", "2.4.0", **CONTROL))
    args = ("--release", "payments-2.4.1", "--environment", "production", "--title", "x", "--reason", "y")
    result = run(api, "change", verb, *args, "--hotfix", "PAY-512", "--standard", "patch")
    assert (result.exit_code, "not with --standard" in result.stderr) == (2, True)


BULK = ("change", "create", "--environment", "production", "--title", "CVE", "--reason", "a hole")


def test_a_bulk_change_names_a_release_of_each_stack() -> None:
    api = FakeApi()
    rows = ("--bulk", "payments/payments-2.4.1", "--bulk", "ledger/ledger-1.7.3")
    result = run(api, *BULK, *rows, "--name", "cve", "-n", "lockflight-system")
    assert result.exit_code == 0, result.output
    spec = api.objects["ChangeRequest", "lockflight-system", "cve"]["spec"]
    assert spec["releases"] == [
        {"stack": "payments", "name": "payments-2.4.1"},
        {"stack": "ledger", "name": "ledger-1.7.3"},
    ]


@pytest.mark.parametrize("rows", [(), ("--bulk", "payments"), ("--bulk", "a/b", "--release", "c")])
def test_half_a_bulk_change_is_wrong_usage(rows: tuple[str, ...]) -> None:
    assert run(FakeApi(), *BULK, *rows).exit_code == 2
