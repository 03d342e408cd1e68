"""People who leave between their approval and Helm, and what asking costs."""

from collections import Counter

from tests.workflow.world import PRODUCTION, UAT, FakeWorld


async def _approved(world: FakeWorld) -> str:
    await world.environment("production", PRODUCTION)
    release = await world.release("1.0.0")
    await world.change("chg-1", release)
    promotion = await world.promote(release, "production")
    await world.settle()
    await world.approve("chg-1")
    return promotion


async def test_the_approval_of_a_leaver_lets_nothing_through(fake: FakeWorld) -> None:
    promotion = await _approved(fake)
    fake.cluster.leavers.add("alice")
    await fake.settle()
    assert fake.helm.calls == []
    assert await fake.gate(promotion, "ChangeControl") == "ApprovalsMissing"
    assert "no longer" in str((await fake.status("ChangeRequest", "chg-1"))["waitsFor"])


async def test_who_holds_every_right_by_a_wildcard_does_not_count(fake: FakeWorld) -> None:
    promotion = await _approved(fake)
    fake.cluster.wildcards.add("alice")
    await fake.settle()
    assert (fake.helm.calls, await fake.gate(promotion, "ChangeControl")) == ([], "ApprovalsMissing")


async def test_the_sign_off_of_a_leaver_ends_nothing(fake: FakeWorld) -> None:
    await fake.environment("uat", {**UAT, "exit": {"signOffs": [{"role": "business", "count": 1}]}})
    promotion = await fake.promote(await fake.release("1.0.0"), "uat")
    await fake.settle()
    fake.cluster.leavers.add("bea")
    await fake.sign(promotion, "bea")
    await fake.settle()
    assert await fake.phase(promotion) == "AwaitingSignOff"
    assert "bea (business) holds sign-off on approvalroles/business no longer" in await fake.said(promotion)
    await fake.sign(promotion, "bill")
    await fake.settle()
    assert await fake.phase(promotion) == "Succeeded"


async def test_each_round_asks_three_questions_an_approval(fake: FakeWorld) -> None:
    promotion = await _approved(fake)
    fake.cluster.requests.clear()
    await fake.settle()
    assert await fake.phase(promotion) == "Succeeded"
    asked = Counter(name for _, kind, _, name in fake.cluster.requests if kind == "SubjectAccessReview" and name)
    assert set(asked) == {
        "alice approve approvalroles/cab",
        "alice lockflight-canary approvalroles/cab",
        "alice approve lockflight-canary/cab",
    }


async def test_a_change_of_two_environments_starts_nowhere_before_all_who_are_asked_approved(fake: FakeWorld) -> None:
    one, two = ({"normal": {"approvals": [{"role": "cab", "count": count}]}} for count in (1, 2))
    await fake.environment("uat", {**UAT, "changeControl": one})
    await fake.environment("production", {**PRODUCTION, "promotesFrom": ["uat"], "changeControl": two})
    release = await fake.release("1.0.0")
    await fake.change("chg-1", release, environments=["uat", "production"])
    promotion = await fake.promote(release, "uat")
    await fake.settle()
    await fake.approve("chg-1", "alice")
    await fake.settle()
    # One is enough for uat, and not for the change.
    assert (await fake.status("ChangeRequest", "chg-1"))["approvalsSummary"] == "1/2 cab"
    assert await fake.gate(promotion, "ChangeControl") == "ApprovalsMissing"
    assert "change chg-1 for all its environments: 1/2 cab: needs 1 more of role cab" in await fake.said(promotion)
    assert fake.helm.calls == []
    await fake.approve("chg-1", "bob")
    await fake.settle()
    assert await fake.phase(promotion) == "AwaitingSignOff"
