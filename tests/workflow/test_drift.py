"""Drift: seen field by field, it keeps releases out until it is put back or a change takes it over."""

import copy
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

from lockflight.api.changerequest import ChangeRequest
from lockflight.ports import RefusedError
from lockflight.workflow.comparing import compare_targets
from tests.workflow.world import PRODUCTION, UAT, FakeWorld

SIGNED = {"exit": {"signOffs": [{"role": "business", "count": 1}]}}
DETECT = {"drift": {"mode": "Detect"}}
WATCHED = {"tier": "Integration", "autoPromote": False, **DETECT}


def scaled(to: int = 5) -> Callable[[Mapping[str, Any]], Mapping[str, Any]]:
    """A person with kubectl scale."""

    def mutate(obj: Mapping[str, Any]) -> Mapping[str, Any]:
        made: dict[str, Any] = copy.deepcopy(dict(obj))
        made["spec"]["replicas"] = to
        return made

    return mutate


def as_it_was(obj: Mapping[str, Any]) -> Mapping[str, Any]:
    return obj


async def running(world: FakeWorld, name: str = "integration", spec: Mapping[str, Any] = WATCHED) -> str:
    await world.environment(name, spec)
    promotion = await world.promote(await world.release("1.0.0"), name)
    await world.settle()
    return promotion


async def look(world: FakeWorld) -> None:
    """A minute later."""
    world.clock.advance(timedelta(minutes=1))
    await compare_targets(world.process.deps)
    await world.settle()


async def drift(world: FakeWorld, name: str = "integration") -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await world.status("Environment", name)).get("drift", [])
    return found


async def drifted(world: FakeWorld, name: str = "integration") -> dict[str, Any]:
    rows = (await world.status("Environment", name))["conditions"]
    return next(row for row in rows if row["type"] == "Drifted")


async def test_a_field_that_was_changed_is_shown_with_what_it_was(fake: FakeWorld) -> None:
    await running(fake)
    await look(fake)
    assert (await drifted(fake))["status"] == "False"
    fake.helm.mutate = scaled()
    for _ in range(5):
        await look(fake)
    (row,) = await drift(fake)
    assert (row["state"], row["application"], row["count"]) == ("Drifted", "payments", 1)
    assert row["objects"] == [
        {
            "kind": "Deployment",
            "name": "payments-app",
            "fields": [{"path": "/spec/replicas", "what": "is 5, promoted was 1"}],
        }
    ]
    assert "Deployment payments-app /spec/replicas is 5, promoted was 1" in (await drifted(fake))["message"]
    assert fake.metrics.of("drifted_fields", application="payments")[-1] == 1


async def test_what_was_undone_by_hand_is_no_drift_a_minute_later(fake: FakeWorld) -> None:
    await running(fake)
    fake.helm.mutate = scaled()
    await look(fake)
    assert (await drifted(fake))["status"] == "True"
    fake.helm.mutate = as_it_was
    await look(fake)
    assert ((await drifted(fake))["status"], await drift(fake)) == ("False", [])


async def test_it_is_looked_for_once_an_interval_and_what_stays_costs_no_write(fake: FakeWorld) -> None:
    await running(fake)
    await look(fake)
    fake.cluster.requests.clear()
    for _ in range(4):
        await look(fake)
    assert fake.cluster.requests == []
    await look(fake)
    assert Counter(f"{verb} {kind}" for verb, kind, _, _ in fake.cluster.requests) == {"get Deployment": 1}


async def test_a_field_that_may_differ_is_not_asked_about(fake: FakeWorld) -> None:
    await running(fake, spec={**WATCHED, "drift": {"mode": "Detect", "ignore": ["/spec/replicas"]}})
    fake.helm.mutate = scaled()
    fake.cluster.requests.clear()
    await look(fake)
    assert (await drifted(fake))["status"] == "False"
    assert [verb for verb, *_ in fake.cluster.requests if verb == "apply"] == []


async def test_where_it_is_off_nothing_is_looked_at(fake: FakeWorld) -> None:
    await running(fake, spec={"tier": "Integration", "autoPromote": False})
    fake.helm.mutate = scaled()
    fake.cluster.requests.clear()
    await look(fake)
    assert fake.cluster.requests == []


async def test_drift_keeps_the_next_release_out_until_it_is_undone(fake: FakeWorld) -> None:
    await running(fake)
    fake.helm.mutate = scaled()
    following = await fake.promote(await fake.release("1.1.0"), "integration")
    await fake.settle()
    assert await fake.phase(following) == "Waiting"
    assert await fake.gate(following, "Drift") == "DriftFound"
    await look(fake)
    fake.helm.mutate = as_it_was
    await look(fake)
    assert await fake.phase(following) == "Succeeded"


async def test_promoting_what_runs_puts_it_back(fake: FakeWorld) -> None:
    await running(fake)
    fake.helm.mutate = scaled()
    await look(fake)
    again = await fake.promote("payments-1.0.0", "integration", name="again")
    await fake.settle()
    assert await fake.gate(again, "Drift") == "PutBack"


async def test_what_cannot_be_looked_at_is_closed_and_said(fake: FakeWorld) -> None:
    await running(fake)

    def refuse(_: str) -> Mapping[Any, Any]:
        msg = "deployments.apps is forbidden"
        raise RefusedError(msg)

    before, fake.cluster.lives = fake.cluster.lives, refuse
    following = await fake.promote(await fake.release("1.1.0"), "integration")
    await look(fake)
    said = await drifted(fake)
    assert (said["status"], said["reason"]) == ("Unknown", "CannotTell")
    assert "forbidden" in said["message"]
    assert await fake.gate(following, "Drift") == "CannotTell"
    fake.cluster.lives = before
    await look(fake)
    assert await fake.phase(following) == "Succeeded"


async def test_a_revision_that_no_promotion_made_is_drift(fake: FakeWorld) -> None:
    await running(fake)
    kept = fake.helm.deployed("payments-integration", "payments-app")
    assert kept is not None
    assert kept.job is not None
    await fake.helm.upgrade(copy.copy(kept.job).__class__(**{**_fields(kept.job), "values": {"replicaCount": 9}}))
    await look(fake)
    (row,) = await drift(fake)
    assert [o["kind"] for o in row["objects"]] == ["Deployment", "HelmRelease"]
    assert "is at revision 2, which no promotion made" in (await drifted(fake))["message"]


def _fields(job: Any) -> dict[str, Any]:
    return {name: getattr(job, name) for name in job.__dataclass_fields__}


async def test_a_helm_release_that_is_gone_is_drift(fake: FakeWorld) -> None:
    await running(fake)
    await fake.helm.uninstall("payments-integration", "payments-app", timedelta(minutes=1))
    await look(fake)
    assert "HelmRelease payments-app is missing" in (await drifted(fake))["message"]


async def test_a_failed_promotion_leaves_no_drift_behind(fake: FakeWorld) -> None:
    await running(fake, spec={**WATCHED, "onFailure": "Hold"})
    fake.helm.fail("payments-app")
    await fake.promote(await fake.release("1.1.0"), "integration")
    await fake.settle()
    following = await fake.promote(await fake.release("1.2.0"), "integration")
    await fake.settle()
    assert await fake.phase(following) == "Succeeded"
    await look(fake)
    assert (await drifted(fake))["status"] == "False"


async def test_what_was_taken_back_is_no_drift(fake: FakeWorld) -> None:
    await running(fake)
    fake.helm.fail("payments-app")
    await fake.promote(await fake.release("1.1.0"), "integration")
    await fake.settle()
    await look(fake)
    assert ((await drifted(fake))["status"], await drift(fake)) == ("False", [])


RECORD = "unauthorised-uat-payments"


async def test_drift_in_a_guarded_environment_is_an_unauthorised_change(fake: FakeWorld) -> None:
    promotion = await running(fake, "uat", {**UAT, **SIGNED, **DETECT})
    await fake.sign(promotion, "bea")
    await fake.settle()
    fake.helm.mutate = scaled()
    await look(fake)
    (row,) = (await fake.status("ChangeRequest", RECORD))["findings"]
    assert (row["object"], row["what"]) == ("Deployment payments-app", "/spec/replicas is 5, promoted was 1")


async def test_a_change_that_takes_the_drift_over_lets_its_release_in(fake: FakeWorld) -> None:
    await fake.environment("production", PRODUCTION)
    change = await fake.change("first", await fake.release("1.0.0"))
    await fake.settle()
    await fake.approve(change)
    await fake.promote("payments-1.0.0", "production")
    await fake.settle()
    fake.helm.mutate = scaled()
    await look(fake)
    (row,) = await drift(fake, "production")
    release = await fake.release("1.1.0")
    second = await fake.change("second", release, "HelmRollback")
    await fake.settle()
    await fake.approve(second)
    promotion = await fake.promote(release, "production")
    await fake.settle()
    assert await fake.gate(promotion, "Drift") == "DriftFound"
    await fake.edit("ChangeRequest", second, takesOver=[{"environment": "production", "drift": row["digest"]}])
    await fake.settle()
    assert await fake.gate(promotion, "Drift") == "TakenOver"
    fake.helm.mutate = scaled(50)
    await fake.approve(second)
    await fake.settle()
    assert await fake.gate(promotion, "Drift") == "DriftChanged"
    assert await fake.phase(promotion) == "Waiting"
    fake.helm.mutate = scaled()
    await look(fake)
    await fake.approve(second)
    await fake.settle()
    assert await fake.phase(promotion) != "Waiting"
    fake.helm.mutate = as_it_was
    await look(fake)
    rows = (await fake.status("ChangeRequest", "unauthorised-production-payments"))["findings"]
    assert {row["settled"] for row in rows if "is 5," in row["what"]} == {
        "taken over by promotion payments-1.1.0-production under change second"
    }


async def test_what_was_undone_is_settled_and_done_again_it_is_another_finding(fake: FakeWorld) -> None:
    promotion = await running(fake, "uat", {**UAT, **SIGNED, **DETECT})
    await fake.sign(promotion, "bea")
    await fake.settle()
    fake.helm.mutate = scaled()
    await look(fake)
    fake.helm.mutate = as_it_was
    await look(fake)
    (row,) = (await fake.status("ChangeRequest", RECORD))["findings"]
    assert row["settled"] == "undone, or changed further, by another way"
    await fake.restart()
    fake.helm.mutate = scaled()
    await look(fake)
    rows = (await fake.status("ChangeRequest", RECORD))["findings"]
    assert [row.get("settled") is None for row in rows] == [False, True]


async def test_what_stands_is_not_settled_by_a_new_process(fake: FakeWorld) -> None:
    promotion = await running(fake, "uat", {**UAT, **SIGNED, **DETECT})
    await fake.sign(promotion, "bea")
    await fake.settle()
    fake.helm.mutate = scaled()
    await look(fake)
    await fake.restart()
    await look(fake)
    (row,) = (await fake.status("ChangeRequest", RECORD))["findings"]
    assert "settled" not in row


async def test_one_target_at_work_does_not_hide_the_others(fake: FakeWorld) -> None:
    promotion = await running(fake, "uat", {**UAT, **SIGNED, **DETECT})
    await fake.sign(promotion, "bea")
    await fake.settle()
    fake.helm.mutate = scaled()
    # Somebody is at work on another application of the environment.
    fake.process.deps.targets["ledger-uat", "ledger"] = "uid"
    await look(fake)
    assert (await drifted(fake, "uat"))["status"] == "True"
    changes = [c for c in fake.process.store.of(ChangeRequest) if c.spec.unauthorised is not None]
    assert [c.metadata.name for c in changes] == [RECORD]
