"""Checks that Lockflight runs itself: what is kept of their logs."""

import pytest

from lockflight.api.auditrecord import AuditAction
from lockflight.ports import JobResult
from lockflight.workflow.verify import LOG, end_of
from tests.workflow.world import INTEGRATION, SMOKE, FakeWorld

JOB = {"name": "regression", "job": {"template": {"spec": {"template": {"spec": {}}}}}}


async def verified(fake: FakeWorld, check: dict[str, object], **more: object) -> dict[str, object]:
    """The first row of a promotion into an environment with that check, after it."""
    await fake.environment("integration", {**INTEGRATION, "exit": {"verification": [check]}, **more})
    promotion = await fake.promote(await fake.release("1.0.0"), "integration")
    await fake.settle()
    rows: list[dict[str, object]] = (await fake.status("Promotion", promotion))["verification"]
    return rows[0]


@pytest.mark.parametrize("passed", [True, False])
async def test_the_end_of_a_jobs_log_is_kept_with_its_result(fake: FakeWorld, passed: bool) -> None:
    log = "\n".join(f"case {number}" for number in range(10_000))
    fake.cluster.job_results["lockflight-regression"] = JobResult(succeeded=passed, message="", log=log)
    row = await verified(fake, JOB, onFailure="Hold")
    assert row["state"] == ("Passed" if passed else "Failed")
    kept = str(row["log"])
    assert kept.endswith("case 9999")
    assert (len(kept) <= LOG, kept.splitlines()[1].startswith("case ")) == (True, True)


async def test_the_audit_trail_has_the_digest_of_a_log(fake: FakeWorld) -> None:
    fake.cluster.job_results["lockflight-regression"] = JobResult(succeeded=True, message="", log="4 passed")
    await verified(fake, JOB)
    sealed = fake.records(AuditAction.VERIFIED)[-1].spec.facts["verification"][0]
    assert ("log" in sealed, sealed["logDigest"][:7]) == (False, "sha256:")


async def test_values_of_secrets_are_not_shown_in_a_log(fake: FakeWorld) -> None:
    fake.cluster.configs["Secret", fake.stack, "given", "values.yaml"] = b"password: correct-horse-battery"
    fake.cluster.job_results["lockflight-regression"] = JobResult(
        succeeded=True, message="", log="connecting with correct-horse-battery"
    )
    row = await verified(fake, JOB, valuesFrom=[{"kind": "Secret", "name": "given"}])
    assert "correct-horse" not in str(row["log"])
    assert str(row["log"]).startswith("connecting with ")


async def test_the_logs_of_helm_tests_name_their_release(fake: FakeWorld) -> None:
    fake.helm.test_log = "== smoke\nfine"
    row = await verified(fake, SMOKE["verification"][0])
    assert row["log"] == "= payments-app\n== smoke\nfine"


@pytest.mark.parametrize("log", ["", "short", "x" * LOG, "x" * (LOG + 1), "x\n" * LOG, "a" * 10 + "\n" + "b" * LOG * 2])
def test_what_is_kept_fits_and_is_the_end(log: str) -> None:
    kept = end_of(log)
    assert len(kept) <= LOG
    assert log.endswith(kept.removeprefix("…\n"))


def flaky(fake: FakeWorld, *outcomes: bool) -> None:
    """The n-th Job of the check ends like that; a later name begins like an earlier one, so it is told first."""
    for number, succeeded in reversed(list(enumerate(outcomes, 1))):
        result = JobResult(succeeded=succeeded, message="" if succeeded else "timed out", log=f"run {number}")
        fake.cluster.numbered[number] = result


async def test_a_flaky_check_is_run_again_and_says_so(fake: FakeWorld) -> None:
    flaky(fake, False, False, True)
    row = await verified(fake, {**JOB, "job": {**JOB["job"], "attempts": 3}})  # type: ignore[dict-item]
    assert (row["state"], row["attempt"], row["log"]) == ("Passed", 3, "run 3")
    assert row["message"] == (
        "attempt 1 of 3 failed: timed out; attempt 2 of 3 failed: timed out; attempt 3 of 3: passed"
    )
    assert len(fake.cluster.jobs) == 3


async def test_it_has_failed_when_the_last_attempt_has(fake: FakeWorld) -> None:
    flaky(fake, False, False, True)
    row = await verified(fake, {**JOB, "job": {**JOB["job"], "attempts": 2}}, onFailure="Hold")  # type: ignore[dict-item]
    assert (row["state"], row["attempt"]) == ("Failed", 2)


async def test_without_attempts_it_is_run_once(fake: FakeWorld) -> None:
    flaky(fake, False, True)
    row = await verified(fake, JOB, onFailure="Hold")
    assert (row["state"], row["message"], len(fake.cluster.jobs)) == ("Failed", "timed out", 1)
