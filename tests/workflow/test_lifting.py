"""Lifting a freeze that says who may let something past it: that many people have to agree."""

from typing import Any

import pytest

from lockflight.api.common import EDITORS_ANNOTATION
from tests.workflow.world import PRODUCTION, FakeWorld

FREEZE = {
    "reason": "stop",
    "timeZone": "UTC",
    "start": "2020-01-01T00:00:00",
    "override": {"approvals": [{"role": "cab", "count": 2}]},
}


async def held(fake: FakeWorld) -> str:
    """A promotion that waits for nothing but a freeze, whose lifting lena asks for."""
    await fake.environment("production", PRODUCTION)
    await fake.create("FreezeWindow", "stop", FREEZE)
    release = await fake.release("1.0.0")
    await fake.change("chg-1", release)
    promotion = await fake.promote(release, "production")
    await fake.settle()
    await fake.approve("chg-1")
    raw = await fake.raw("FreezeWindow", "stop")
    raw["metadata"]["annotations"][EDITORS_ANNOTATION] = "lena"
    await fake.write({**raw, "spec": {**FREEZE, "lift": {"reason": "it is mended"}}})
    await fake.settle()
    return promotion


async def agree(fake: FakeWorld, *people: str, **more: object) -> None:
    """Approvals of the lifting, stamped as the API server does it."""
    for who in people:
        raw = await fake.raw("FreezeWindow", "stop")
        entry = {"role": "cab", "decision": "Approved", "by": who, "planDigest": raw["status"]["planDigest"]}
        await fake._append(raw, "approvals", {**entry, **more})
    await fake.settle()


async def status(fake: FakeWorld) -> dict[str, Any]:
    return await fake.status("FreezeWindow", "stop")


async def test_it_holds_until_enough_people_agree(fake: FakeWorld) -> None:
    promotion = await held(fake)
    found = await status(fake)
    assert (found["phase"], found["approvalsSummary"]) == ("Active", "0/2 cab")
    assert "kubectl patch lffw stop" in found["howToApprove"]
    assert await fake.phase(promotion) == "OnHold"
    await agree(fake, "alice")
    assert await fake.phase(promotion) == "OnHold"
    await agree(fake, "bob")
    assert await fake.phase(promotion) == "Succeeded"
    found = await status(fake)
    assert (found["phase"], "liftedAt" in found) == ("Lifted", True)


async def test_who_leaves_later_brings_no_freeze_back(fake: FakeWorld) -> None:
    await held(fake)
    await agree(fake, "alice", "bob")
    fake.cluster.leavers.add("alice")
    await fake.restart()
    await fake.later(hours=1)
    assert (await status(fake))["phase"] == "Lifted"


@pytest.mark.parametrize(
    ("who", "more"),
    [
        ("lena", {}),
        ("jo", {}),
        ("alice", {}),
        ("lara", {}),
        ("root", {}),
        ("bob", {"generation": 1}),
        ("bob", {"planDigest": "sha256:" + "0" * 64}),
        ("bob", {"role": "qa"}),
        ("bob", {"decision": "Rejected"}),
        ("system:serviceaccount:payments:ci", {}),
    ],
    ids=str,
)
async def test_whose_word_does_not_count(fake: FakeWorld, who: str, more: dict[str, Any]) -> None:
    fake.cluster.leavers.add("lara")
    fake.cluster.wildcards.add("root")
    promotion = await held(fake)
    await agree(fake, "alice")
    await agree(fake, who, **more)
    assert (await status(fake))["phase"] == "Active"
    assert await fake.phase(promotion) == "OnHold"


async def test_who_gets_the_right_later_is_noticed(fake: FakeWorld) -> None:
    fake.cluster.leavers.add("bob")
    promotion = await held(fake)
    await agree(fake, "alice", "bob")
    assert await fake.phase(promotion) == "OnHold"
    fake.cluster.leavers.clear()
    await fake.later(seconds=30)
    assert await fake.phase(promotion) == "Succeeded"
