"""Drift is put back where the environment or a person wants it, alone, sealed, and not for ever."""

from dataclasses import replace
from typing import Any

import pytest

from lockflight.api.auditrecord import AuditAction
from lockflight.policy.model import HelmStatus
from lockflight.workflow.comparing import compare_targets
from tests.workflow.test_drift import RECORD, SIGNED, as_it_was, drift, drifted, look, running, scaled
from tests.workflow.world import UAT, FakeWorld

CORRECT = {"tier": "Integration", "autoPromote": False, "drift": {"mode": "Correct", "interval": "2m"}}
BACK = ("rollback without hooks", "payments-app")


def healing(world: FakeWorld) -> None:
    """Helm takes away what somebody did."""

    def healed() -> None:
        world.helm.mutate = as_it_was

    world.helm.on_rollback = healed


async def test_it_is_put_back_as_it_was_recorded_and_that_is_sealed_before(fake: FakeWorld) -> None:
    await running(fake, spec=CORRECT)
    healing(fake)
    fake.helm.mutate = scaled()
    await look(fake)
    assert fake.helm.calls[-1] == BACK
    assert await fake.history("integration") == [("1.0.0", "superseded"), ("1.0.0", "deployed")]
    (record,) = fake.records(AuditAction.PUT_BACK)
    assert record.spec.facts["drift"] == ["Deployment payments-app /spec/replicas is 5, promoted was 1"]
    assert record.spec.facts["asked"] == "spec.drift.mode Correct"
    await look(fake)
    (row,) = await drift(fake)
    assert (row["state"], row["putBack"]["tries"]) == ("Unchanged", 1)
    assert (await drifted(fake))["status"] == "False"
    following = await fake.promote(await fake.release("1.1.0"), "integration")
    await fake.settle()
    assert await fake.phase(following) == "Succeeded"


async def test_what_stays_put_back_is_forgotten(fake: FakeWorld) -> None:
    await running(fake, spec=CORRECT)
    healing(fake)
    fake.helm.mutate = scaled()
    for _ in range(12):
        await look(fake)
    assert await drift(fake) == []
    assert fake.helm.calls.count(BACK) == 1


async def test_a_fight_is_ended_and_said(fake: FakeWorld) -> None:
    await running(fake, spec=CORRECT)
    fake.helm.mutate = scaled()
    for _ in range(20):
        await look(fake)
    assert fake.helm.calls.count(BACK) == 3
    (row,) = await drift(fake)
    assert row["putBack"]["tries"] == 3
    assert "put back 3 times, and changed again" in (await drifted(fake))["message"]


async def test_it_is_put_back_once_an_interval_at_most(fake: FakeWorld) -> None:
    await running(fake, spec={**CORRECT, "drift": {"mode": "Correct", "interval": "10m"}})
    fake.helm.mutate = scaled()
    for _ in range(9):
        await look(fake)
    assert fake.helm.calls.count(BACK) == 1


async def test_where_it_is_only_detected_nothing_is_put_back(fake: FakeWorld) -> None:
    await running(fake)
    fake.helm.mutate = scaled()
    for _ in range(9):
        await look(fake)
    assert BACK not in fake.helm.calls


async def test_a_freeze_holds_it_up_and_that_is_said(fake: FakeWorld) -> None:
    await running(fake, spec=CORRECT)
    healing(fake)
    await fake.freeze()
    await fake.settle()
    fake.helm.mutate = scaled()
    await look(fake)
    await look(fake)
    assert BACK not in fake.helm.calls
    (row,) = await drift(fake)
    assert "waits for the gates: Freeze: " in row["putBack"]["message"]
    await fake.edit("FreezeWindow", "stop", lift={"reason": "over"})
    await fake.settle()
    await look(fake)
    await look(fake)
    await look(fake)
    assert fake.helm.calls.count(BACK) == 1


async def test_while_somebody_is_at_work_on_the_target_nothing_is_put_back(fake: FakeWorld) -> None:
    await running(fake, spec=CORRECT)
    fake.helm.mutate = scaled()
    fake.process.deps.targets["payments-integration", "payments"] = "uid"
    await look(fake)
    assert BACK not in fake.helm.calls


async def test_what_could_not_be_put_back_is_said_and_keeps_releases_out(fake: FakeWorld) -> None:
    await running(fake, spec=CORRECT)
    fake.helm.mutate = scaled()
    fake.helm.fail("payments-app", "timed out")
    await look(fake)
    (row,) = await drift(fake)
    assert "could not be put back: payments-app: timed out" in row["putBack"]["message"]
    following = await fake.promote(await fake.release("1.1.0"), "integration")
    await look(fake)
    assert await fake.gate(following, "Drift") == "DriftFound"


async def test_without_its_record_nothing_is_put_back(fake: FakeWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    await running(fake, spec=CORRECT)
    fake.helm.mutate = scaled()

    async def refuse(*_: Any, **__: Any) -> None:
        from lockflight.ports import UnreachableError

        raise UnreachableError("the trail cannot be written")

    monkeypatch.setattr(fake.process.deps.audit, "seal", refuse)
    await look(fake)
    assert BACK not in fake.helm.calls


async def test_a_person_has_exactly_what_was_found_put_back(fake: FakeWorld) -> None:
    promotion = await running(fake, "uat", {**UAT, **SIGNED, "drift": {"mode": "Detect"}})
    await fake.sign(promotion, "bea")
    await fake.settle()
    healing(fake)
    fake.helm.mutate = scaled()
    await look(fake)
    (row,) = await drift(fake, "uat")
    await fake.edit("ChangeRequest", RECORD, putBack={"drift": "sha256:" + "0" * 64})
    await look(fake)
    assert BACK not in fake.helm.calls
    await fake.edit("ChangeRequest", RECORD, putBack={"drift": row["digest"]})
    await look(fake)
    await compare_targets(fake.process.deps)
    assert fake.helm.calls.count(BACK) == 1
    (record,) = fake.records(AuditAction.PUT_BACK)
    assert record.spec.facts["asked"] == f"change {RECORD}"
    await look(fake)
    (found,) = (await fake.status("ChangeRequest", RECORD))["findings"]
    assert found["settled"] == "put back as payments-1.0.0 had it"
    assert (await fake.status("ChangeRequest", RECORD))["phase"] == "Review"


async def test_what_a_killed_process_left_pending_is_unlocked_and_put_back(fake: FakeWorld) -> None:
    await running(fake, spec=CORRECT)
    healing(fake)
    kept = fake.helm.deployed("payments-integration", "payments-app")
    assert kept is not None
    fake.helm.mutate = scaled()
    fake.helm.put("payments-integration", replace(kept.revision, revision=2, status=HelmStatus.PENDING_ROLLBACK))
    await look(fake)
    assert fake.helm.calls.count(BACK) == 1
    assert (await fake.history("integration"))[-1] == ("1.0.0", "deployed")


async def test_one_target_that_cannot_be_compared_does_not_hide_its_drift(fake: FakeWorld) -> None:
    promotion = await running(fake, "uat", {**UAT, **SIGNED, "drift": {"mode": "Detect"}})
    await fake.sign(promotion, "bea")
    await fake.settle()
    await fake.restart()
    row = (await fake.status("Promotion", promotion))["components"][0]
    # Helm keeps ten revisions: that of the promotion is none of them any more.
    await fake.write_status("Promotion", promotion, {"components": [{**row, "revision": 99}]})
    await fake.settle()
    fake.helm.mutate = scaled()
    await look(fake)
    assert (await drifted(fake, "uat"))["status"] == "True"


async def test_a_hold_of_the_environment_holds_it_up(fake: FakeWorld) -> None:
    await running(fake, spec=CORRECT)
    fake.helm.mutate = scaled()
    await fake.edit("Environment", "integration", hold={"reason": "moving the database"})
    await fake.settle()
    await look(fake)
    assert BACK not in fake.helm.calls
    (row,) = await drift(fake)
    assert "moving the database" in row["putBack"]["message"]
