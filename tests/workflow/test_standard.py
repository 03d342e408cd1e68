"""Standard changes end to end on fakes: approved in advance, used, exceeded, suspended."""

from typing import Any

from lockflight.policy.catalogue import spec_digest
from tests.workflow.world import PRODUCTION, FakeWorld

CONTROLLED = {
    **PRODUCTION,
    "changeControl": {
        "standard": {"catalogue": [{"role": "cab", "count": 2}]},
        "normal": {"approvals": [{"role": "cab", "count": 1}]},
    },
}
PATTERN = {
    "applications": ["payments"],
    "environments": ["production"],
    "mayChange": ["/greeting", "/image"],
    "kinds": ["Deployment"],
    "maxRisk": "Medium",
}
OTHER_IMAGE = "registry.example/app@sha256:" + "b" * 64


async def stack(fake: FakeWorld, **spec: Any) -> None:
    """Production with a catalogue of one entry, approved, and 1.0.0 running under a normal change."""
    await fake.environment("production", CONTROLLED)
    await fake.create(
        "StandardChange", "patch", {"title": "Patch", "pattern": PATTERN, "validUntil": "2099-12-31", **spec}
    )
    first = await fake.release("1.0.0")
    await fake.change("chg-1", first)
    promotion = await fake.promote(first, "production")
    await fake.settle()
    await fake.approve("chg-1")
    await approve(fake)
    await fake.settle()
    assert await fake.phase(promotion) == "Succeeded"


async def approve(fake: FakeWorld, *people: str) -> None:
    """The board's word on the pattern, stamped as the API server does it."""
    raw = await fake.raw("StandardChange", "patch")
    digest = raw["status"]["planDigest"]
    entries = [
        {
            "role": "cab",
            "decision": "Approved",
            "by": who,
            "planDigest": digest,
            "generation": raw["metadata"]["generation"],
        }
        for who in people or ("alice", "bob")
    ]
    await fake.write_status("StandardChange", "patch", {"approvals": [*raw["status"].get("approvals", ()), *entries]})
    await fake.settle()


async def standard(fake: FakeWorld, version: str, **values: Any) -> str:
    """A release, a standard change for it and its promotion, which is returned."""
    release = await fake.release(version, values={"app": values})
    await fake.change(f"std-{version}", release, "HelmRollback", type="Standard", standardChangeRef={"name": "patch"})
    promotion = await fake.promote(release, "production")
    await fake.settle()
    return promotion


async def entry(fake: FakeWorld) -> dict[str, Any]:
    """The entry's status, with its condition Ready as ``ready``."""
    status = await fake.status("StandardChange", "patch")
    return {**status, "ready": next(c for c in status["conditions"] if c["type"] == "Ready")}


async def test_a_change_within_the_pattern_is_carried_out_without_anybody_being_asked(fake: FakeWorld) -> None:
    await stack(fake)
    promotion = await standard(fake, "1.0.1", image=OTHER_IMAGE)
    assert await fake.phase(promotion) == "Succeeded"
    change = await fake.status("ChangeRequest", "std-1.0.1")
    assert change["phase"] == "Review"
    assert [c["status"] for c in change["conditions"] if c["type"] == "Approved"] == ["True"]
    status = await entry(fake)
    assert [(use["change"], use["outcome"]) for use in status["uses"]] == [("std-1.0.1", "Succeeded")]
    assert status["used"] == 1


async def test_one_that_exceeds_it_waits_and_says_what_for_and_passes_as_a_normal_change(fake: FakeWorld) -> None:
    await stack(fake)
    promotion = await standard(fake, "1.0.1", replicaCount=7)
    assert await fake.gate(promotion, "StandardPattern") == "PatternExceeded"
    assert "values /replicaCount" in await fake.said(promotion)
    assert (await fake.status("ChangeRequest", "std-1.0.1"))["phase"] == "Assess"
    raw = await fake.raw("ChangeRequest", "std-1.0.1")
    spec = {k: v for k, v in raw["spec"].items() if k != "standardChangeRef"}
    await fake.write({**raw, "spec": {**spec, "type": "Normal"}})
    await fake.settle()
    await fake.approve("std-1.0.1")
    await fake.settle()
    assert await fake.phase(promotion) == "Succeeded"


async def test_an_entry_that_expires_before_the_promotion_starts_closes(fake: FakeWorld) -> None:
    await stack(fake)
    await fake.freeze()
    promotion = await standard(fake, "1.0.1")
    assert await fake.phase(promotion) == "OnHold"
    await fake.edit("StandardChange", "patch", validUntil="2020-01-01")
    await fake.edit("FreezeWindow", "stop", lift={"reason": "over"})
    await fake.settle()
    assert await fake.gate(promotion, "StandardPattern") == "StandardChangeOver"
    assert await fake.phase(promotion) == "Waiting"
    assert (await entry(fake))["ready"]["reason"] == "StandardChangeOver"


async def test_an_entry_whose_last_day_passes_while_the_promotion_is_held_closes(fake: FakeWorld) -> None:
    await stack(fake, validUntil="2026-12-02")
    held = {"reason": "audit", "timeZone": "UTC", "start": "2026-12-01T00:00:00", "end": "2026-12-03T12:00:00"}
    await fake.create("FreezeWindow", "audit", held)
    promotion = await standard(fake, "1.0.1")
    assert await fake.phase(promotion) == "OnHold"
    assert await fake.gate(promotion, "StandardPattern") != "StandardChangeOver"
    await fake.later(days=2, hours=4)
    assert await fake.gate(promotion, "StandardPattern") == "StandardChangeOver"
    assert await fake.phase(promotion) == "Waiting"
    assert await fake.running("production") == {"app": "1.0.0"}


async def test_an_edit_that_no_watch_told_of_is_seen_right_before_helm(fake: FakeWorld) -> None:
    await stack(fake)
    await fake.freeze()
    promotion = await standard(fake, "1.0.1")
    await fake.edit("FreezeWindow", "stop", lift={"reason": "over"})
    fake.process.store.put(next(o for o in fake.cluster.everything() if o.metadata.name == "stop"))
    await fake.edit("StandardChange", "patch", title="Something else")
    await fake.process.settle()
    assert await fake.gate(promotion, "StandardPattern") == "CatalogueApprovalsMissing"


async def test_a_failed_use_suspends_the_entry_until_it_is_approved_again(fake: FakeWorld) -> None:
    await stack(fake)
    fake.helm.fail("payments-app")
    assert await fake.phase(await standard(fake, "1.0.1")) == "RolledBack"
    assert (await entry(fake))["ready"]["reason"] == "StandardChangeSuspended"
    promotion = await standard(fake, "1.0.2")
    assert await fake.gate(promotion, "StandardPattern") == "StandardChangeSuspended"
    await fake.edit("StandardChange", "patch", title="Patch, with more memory for the migration")
    await fake.settle()
    await approve(fake)
    assert await fake.phase(promotion) == "Succeeded"


async def test_the_last_use_is_the_last(fake: FakeWorld) -> None:
    await stack(fake, maxUses=1)
    assert await fake.phase(await standard(fake, "1.0.1")) == "Succeeded"
    assert await fake.gate(await standard(fake, "1.0.2"), "StandardPattern") == "StandardChangeOver"


async def test_the_use_is_on_record_before_helm_starts(fake: FakeWorld) -> None:
    await stack(fake)
    seen: list[int] = []

    def look(_: str) -> None:
        seen.append(len(fake.cluster.raw("StandardChange", fake.stack, "patch")["status"]["uses"]))

    fake.helm.observe = look
    await standard(fake, "1.0.1")
    assert seen[0] == 1


async def test_what_runs_is_read_once(fake: FakeWorld) -> None:
    await stack(fake)
    await fake.freeze()
    await standard(fake, "1.0.1")
    await fake.later(minutes=5)
    assert fake.helm.looked_up == [("payments-production", "payments-app", 1)]


async def test_an_entry_says_what_it_binds_to_and_how_to_approve_it(fake: FakeWorld) -> None:
    await fake.environment("production", CONTROLLED)
    await fake.create("StandardChange", "patch", {"title": "Patch", "pattern": PATTERN, "validUntil": "2099-12-31"})
    await fake.settle()
    status = await entry(fake)
    obj: Any = next(o for o in fake.cluster.everything() if o.metadata.name == "patch")
    assert status["planDigest"] == spec_digest(obj)
    assert status["approvalsSummary"] == "0/2 cab"
    assert spec_digest(obj) in status["howToApprove"]
