"""What another hand made of an apply, and of what ran already, is found and said."""

import copy
from collections import Counter
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest

from lockflight.api.changerequest import ChangeRequest
from lockflight.ports import RefusedError
from lockflight.workflow.comparing import compare_targets
from tests.workflow.world import INTEGRATION, SMOKE, UAT, FakeWorld

EVIL = "registry.example/evil:latest"


def _swap(obj: Mapping[str, Any]) -> Mapping[str, Any]:
    """Another admission controller at work."""
    changed: dict[str, Any] = copy.deepcopy(dict(obj))
    changed["spec"]["template"]["spec"]["containers"][0]["image"] = EVIL
    return changed


def _break_the_glass(obj: Mapping[str, Any]) -> Mapping[str, Any]:
    metadata = {**obj["metadata"], "annotations": {"lockflight.dev/break-glass": "eve"}}
    return {**obj, "metadata": metadata}


async def test_a_swapped_image_fails_the_promotion_before_anything_is_verified(fake: FakeWorld) -> None:
    await fake.environment("integration", {**INTEGRATION, "exit": SMOKE})
    fake.helm.mutate = _swap
    promotion = await fake.promote(await fake.release("1.0.0"), "integration")
    await fake.settle()
    assert await fake.phase(promotion) == "RolledBack"
    said = await fake.said(promotion)
    assert f"Deployment payments-app: spec.template.spec.containers[app].image is {EVIL}" in said
    assert [call for call, _ in fake.helm.calls] == ["upgrade", "uninstall"]


async def test_what_cannot_be_read_has_not_been_compared(fake: FakeWorld) -> None:
    await fake.environment("integration", INTEGRATION)

    def refuse(_: str) -> Mapping[Any, Any]:
        msg = "deployments.apps is forbidden"
        raise RefusedError(msg)

    fake.cluster.lives = refuse
    promotion = await fake.promote(await fake.release("1.0.0"), "integration")
    await fake.settle()
    assert await fake.phase(promotion) == "RolledBack"
    assert "could not be compared" in await fake.said(promotion)


async def test_a_rollback_is_compared_with_what_helm_recorded(fake: FakeWorld) -> None:
    await fake.environment("integration", INTEGRATION)
    first = await fake.release("1.0.0", values={"app": {"image": "registry.example/app:1"}})
    await fake.promote(first, "integration")
    await fake.settle()
    await fake.promote(await fake.release("1.1.0", values={"app": {"image": "registry.example/app:2"}}), "integration")
    await fake.settle()
    back = await fake.promote(first, "integration", name="back", action="Rollback")
    await fake.settle()
    assert await fake.phase(back) == "Succeeded"


async def _running(world: FakeWorld) -> str:
    await world.environment("uat", {**UAT, "exit": {"signOffs": [{"role": "business", "count": 1}]}})
    promotion = await world.promote(await world.release("1.0.0"), "uat")
    await world.settle()
    await world.sign(promotion, "bea")
    await world.settle()
    assert await world.phase(promotion) == "Succeeded"
    return promotion


async def _as_applied(world: FakeWorld) -> dict[str, Any]:
    rows = (await world.status("Environment", "uat"))["conditions"]
    return next(row for row in rows if row["type"] == "AsApplied")


async def test_what_runs_in_uat_is_compared_every_minute(fake: FakeWorld) -> None:
    await _running(fake)
    await compare_targets(fake.process.deps)
    assert (await _as_applied(fake))["status"] == "True"
    fake.helm.mutate = _swap
    await compare_targets(fake.process.deps)
    said = await _as_applied(fake)
    assert (said["status"], said["reason"]) == ("False", "Changed")
    assert EVIL in said["message"]
    fake.helm.mutate = lambda obj: obj
    await compare_targets(fake.process.deps)
    assert (await _as_applied(fake))["status"] == "True"


async def test_what_was_written_by_breaking_the_glass_is_named_with_who_did(fake: FakeWorld) -> None:
    await _running(fake)
    fake.helm.mutate = _break_the_glass
    await compare_targets(fake.process.deps)
    assert "was written by eve, who broke the glass" in (await _as_applied(fake))["message"]


async def test_a_process_that_did_not_apply_it_knows_it_from_helms_record(fake: FakeWorld) -> None:
    await _running(fake)
    await fake.restart()
    fake.helm.mutate = _swap
    await compare_targets(fake.process.deps)
    assert (await _as_applied(fake))["status"] == "False"


async def test_a_round_costs_one_read_a_kind_and_one_of_the_pods(fake: FakeWorld) -> None:
    await _running(fake)
    await compare_targets(fake.process.deps)
    fake.cluster.requests.clear()
    await compare_targets(fake.process.deps)
    assert Counter(f"{verb} {kind}" for verb, kind, _, _ in fake.cluster.requests) == {
        "get Deployment": 1,
        "list Pod": 1,
    }


@pytest.mark.parametrize("tier", ["Integration", "SystemTest"])
async def test_below_uat_nothing_is_compared_between_promotions(fake: FakeWorld, tier: str) -> None:
    floor = {"exit": SMOKE} if tier == "SystemTest" else {}
    await fake.environment("here", {"tier": tier, "autoPromote": False, "promotesFrom": [], **floor})
    await fake.promote(await fake.release("1.0.0"), "here")
    await fake.settle()
    fake.cluster.requests.clear()
    await compare_targets(fake.process.deps)
    assert fake.cluster.requests == []


RECORD = "unauthorised-uat-payments"


async def _records(world: FakeWorld) -> dict[str, list[tuple[str, str]]]:
    changes = [c for c in world.process.store.of(ChangeRequest) if c.spec.unauthorised is not None]
    return {c.metadata.name: [(row.object, row.what) for row in c.status.findings] for c in changes}


async def test_what_was_changed_outside_is_an_unauthorised_change_that_owes_a_review(fake: FakeWorld) -> None:
    await _running(fake)
    fake.helm.mutate = _swap
    await compare_targets(fake.process.deps)
    await fake.settle()
    (rows,) = (await _records(fake)).values()
    assert rows[0][0] == "Deployment payments-app"
    assert f"is {EVIL}" in rows[0][1]
    status = await fake.status("ChangeRequest", RECORD)
    assert (status["phase"], status["inUse"]) == ("Review", True)


async def test_what_stays_as_it_is_costs_no_request_of_its_own(fake: FakeWorld) -> None:
    await _running(fake)
    fake.helm.mutate = _swap
    await compare_targets(fake.process.deps)
    await fake.settle()
    fake.cluster.requests.clear()
    await compare_targets(fake.process.deps)
    assert [verb for verb, _, _, _ in fake.cluster.requests if verb not in ("get", "list")] == []
    assert [kind for _, kind, _, _ in fake.cluster.requests if kind == "ChangeRequest"] == []


async def test_a_new_process_adds_nothing_to_what_is_written_down(fake: FakeWorld) -> None:
    await _running(fake)
    fake.helm.mutate = _swap
    await compare_targets(fake.process.deps)
    await fake.settle()
    before = await _records(fake)
    await fake.restart()
    await compare_targets(fake.process.deps)
    await fake.settle()
    assert await _records(fake) == before


async def test_undone_reviewed_and_done_again_is_another_record(fake: FakeWorld) -> None:
    await _running(fake)
    fake.helm.mutate = _swap
    await compare_targets(fake.process.deps)
    await fake.settle()
    review = {"role": "cab", "outcome": "Failed", "summary": "undone", "by": "carla", "generation": 1}
    await fake.write_status("ChangeRequest", RECORD, {"review": [review]})
    await fake.settle()
    await compare_targets(fake.process.deps)
    assert set(await _records(fake)) == {RECORD}
    fake.helm.mutate = lambda obj: obj
    await compare_targets(fake.process.deps)
    fake.clock.advance(timedelta(minutes=1))
    fake.helm.mutate = _swap
    await compare_targets(fake.process.deps)
    await fake.settle()
    assert set(await _records(fake)) == {RECORD, f"{RECORD}-2"}


async def test_who_broke_the_glass_is_named_in_the_record(fake: FakeWorld) -> None:
    await _running(fake)
    fake.helm.mutate = _break_the_glass
    await compare_targets(fake.process.deps)
    await fake.settle()
    (row,) = (await fake.status("ChangeRequest", RECORD))["findings"]
    assert row["changedBy"] == "eve"
