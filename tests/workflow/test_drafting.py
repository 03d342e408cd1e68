"""Changes that the operator drafts for a person to submit, and changes that are in each other's way."""

from typing import Any

from lockflight.api.changerequest import ChangeRequest
from lockflight.api.common import CREATOR_ANNOTATION
from tests.workflow.test_standard import CONTROLLED, OTHER_IMAGE, stack
from tests.workflow.world import PRODUCTION, UAT, FakeWorld

DRAFTING = {**CONTROLLED, "changeControl": {**CONTROLLED["changeControl"], "draft": True}}  # type: ignore[dict-item]


def drafts(fake: FakeWorld) -> list[ChangeRequest]:
    """The changes that nobody in the tests made."""
    found = [o for o in fake.cluster.everything() if isinstance(o, ChangeRequest)]
    return [c for c in found if "Drafted by Lockflight" in ((c.spec.risk and c.spec.risk.assessment) or "")]


async def test_a_release_that_passed_upstream_gets_a_change_with_all_that_a_board_asks_for(fake: FakeWorld) -> None:
    await fake.environment("uat", UAT)
    await fake.environment("production", {**DRAFTING, "promotesFrom": ["uat"]})
    release = await fake.release("1.0.0")
    await fake.settle()
    assert drafts(fake) == []
    promotion = await fake.promote(release, "uat")
    await fake.settle()
    await fake.sign(promotion, "bea")
    await fake.settle()
    (made,) = drafts(fake)
    assert (made.metadata.name, made.spec.type, made.spec.environments) == (
        f"{release}-production",
        "Normal",
        ("production",),
    )
    assert made.spec.rollback_plan is not None
    assert made.spec.rollback_plan.strategy == "Uninstall"
    assert made.status.risk is not None
    assert any("first deployment" in reason for reason in made.status.risk.reasons)
    assert made.status.plans[0].summary.startswith("version nothing → 1.0.0")


async def test_it_is_standard_where_a_pattern_fits_and_normal_where_none_does(fake: FakeWorld) -> None:
    await stack(fake)
    await fake.edit("Environment", "production", changeControl=DRAFTING["changeControl"])
    await fake.promote(await fake.release("1.0.1", values={"app": {"image": OTHER_IMAGE}}), "production")
    await fake.promote(await fake.release("1.0.2", values={"app": {"replicaCount": 5}}), "production")
    await fake.settle()
    found = {c.spec.release_ref.name: c.spec for c in drafts(fake)}
    assert {name: spec.type for name, spec in found.items()} == {
        "payments-1.0.1": "Standard",
        "payments-1.0.2": "Normal",
    }
    ref = found["payments-1.0.1"].standard_change_ref
    assert ref is not None
    assert ref.name == "patch"


async def test_a_drafted_standard_change_goes_when_a_person_submitted_it(fake: FakeWorld) -> None:
    await stack(fake)
    await fake.edit("Environment", "production", changeControl=DRAFTING["changeControl"])
    release = await fake.release("1.0.1", values={"app": {"image": OTHER_IMAGE}})
    promotion = await fake.promote(release, "production")
    await fake.settle()
    (made,) = drafts(fake)
    # As the API server stamps it.
    raw = await fake.raw("ChangeRequest", made.metadata.name)
    raw["metadata"]["annotations"] = {CREATOR_ANNOTATION: "system:serviceaccount:lockflight-system:lockflight"}
    await fake.write(raw)
    await fake.settle()
    assert await fake.gate(promotion, "ChangeControl") == "NotSubmitted"
    submission = {"role": "requester", "by": "jo", "generation": 1}
    await fake.write_status("ChangeRequest", made.metadata.name, {"submissions": [submission]})
    await fake.settle()
    assert await fake.phase(promotion) == "Succeeded"


async def test_the_releases_own_rollback_plan_goes_into_the_draft(fake: FakeWorld) -> None:
    await fake.environment("production", DRAFTING)
    plan = {"strategy": "Restore", "steps": ["restore the dump"]}
    await fake.promote(await fake.release("1.0.0", irreversible=["app"], rollbackPlan=plan), "production")
    await fake.settle()
    (made,) = drafts(fake)
    assert made.spec.rollback_plan is not None
    assert made.spec.rollback_plan.steps == ("restore the dump",)
    assert made.status.risk is not None
    assert made.status.risk.effective == "High"


async def test_what_cannot_be_taken_back_is_left_to_people_to_say(fake: FakeWorld) -> None:
    await fake.environment("production", DRAFTING)
    await fake.promote(await fake.release("1.0.0", irreversible=["app"]), "production")
    await fake.settle()
    (made,) = drafts(fake)
    assert made.spec.rollback_plan is None


async def test_an_answer_is_not_asked_for_again(fake: FakeWorld) -> None:
    await fake.environment("production", DRAFTING)
    await fake.promote(await fake.release("1.0.0"), "production")
    await fake.settle()
    (made,) = drafts(fake)
    await fake.edit("ChangeRequest", made.metadata.name, cancel={"reason": "not now"})
    await fake.settle()
    await fake.promote("payments-1.0.0", "production", name="again")
    await fake.restart()
    assert len(drafts(fake)) == 1


async def test_nobody_drafts_where_nobody_asked_for_it(fake: FakeWorld) -> None:
    await fake.environment("production", PRODUCTION)
    await fake.promote(await fake.release("1.0.0"), "production")
    await fake.settle()
    assert drafts(fake) == []


async def test_a_conflict_is_shown_on_both_with_the_next_free_slot(fake: FakeWorld) -> None:
    await fake.environment("production", PRODUCTION)
    start = fake.clock.now()

    async def raised(name: str, version: str, begin: int, end: int) -> None:
        times = [(start.replace(year=2030, month=1, day=1, hour=h)).isoformat() for h in (begin, end)]
        await fake.change(name, await fake.release(version), schedule={"start": times[0], "end": times[1]})

    await raised("one", "1.0.0", 8, 10)
    await raised("two", "1.1.0", 9, 11)
    await fake.settle()
    shown: dict[str, Any] = {name: await fake.status("ChangeRequest", name) for name in ("one", "two")}
    assert [(c["change"], c["goesFirst"]) for c in shown["one"]["conflicts"]] == [("two", False)]
    assert [(c["change"], c["goesFirst"]) for c in shown["two"]["conflicts"]] == [("one", True)]
    assert "T10:" in shown["two"]["nextFreeSlot"]["start"]
    await fake.edit("ChangeRequest", "one", cancel={"reason": "later"})
    await fake.settle()
    assert (await fake.status("ChangeRequest", "two")).get("conflicts", []) == []
