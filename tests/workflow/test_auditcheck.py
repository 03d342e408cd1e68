"""The records of a stack beside Helm's storage and the objects: agreement, and every kind of disagreement."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from lockflight.api.auditrecord import AuditAction, AuditRecord
from lockflight.api.environment import Environment
from lockflight.api.promotion import Promotion
from lockflight.policy import audit
from lockflight.policy.audit import Flaw
from lockflight.policy.auditcheck import Deployed, Observed, compare
from lockflight.policy.auditreport import population, rules_on, story
from lockflight.policy.model import HelmStatus, Revision
from lockflight.policy.unauthorised import Finding
from lockflight.workflow.unauthorised import record
from tests.unit.policy.test_audit import changed
from tests.workflow.world import INTEGRATION, PRODUCTION, SMOKE, FakeWorld

TARGET = "payments-production"
UNPERMITTED = "unauthorised-production-payments"


@pytest.fixture
async def world() -> FakeWorld:
    """A release that went to production under a change, and a second one."""
    fake = FakeWorld()
    await fake.environment("production", {**PRODUCTION, "exit": {**SMOKE, "signOffs": [{"role": "business"}]}})
    for number, strategy in ((0, "Uninstall"), (1, "HelmRollback")):
        release = await fake.release(f"1.{number}.0")
        await fake.change(f"chg-{number}", release, strategy)
        await fake.settle()
        await fake.approve(f"chg-{number}")
        promotion = await fake.promote(release, "production")
        await fake.settle()
        await fake.sign(promotion, "carol")
        await fake.settle()
    by_hand = Finding("Deployment/app", "image differs", "eve", "7")
    environment = fake.process.store.get(Environment, "payments", "production")
    assert environment is not None
    await record(fake.process.deps, environment, "payments", [by_hand])
    await fake.settle()
    said = {"role": "requester", "comment": "it was the incident", "by": "rita", "generation": 1}
    judged = {"role": "cab", "outcome": "Failed", "summary": "undone", "by": "carla", "generation": 1}
    await fake.write_status("ChangeRequest", UNPERMITTED, {"submissions": [said], "review": [judged]})
    await fake.settle()
    return fake


async def observed(world: FakeWorld, namespace: str = TARGET) -> Observed:
    objects = await world.objects()
    revisions = await world.helm.revisions(namespace, world.stack)
    return Observed(
        deployed=[Deployed(namespace, r, world.clock.now() + timedelta(seconds=1)) for r in revisions],
        namespaces=frozenset({namespace}),
        promotions=[p for p in objects if isinstance(p, Promotion)],
        changes=[c for c in objects if c.kind == "ChangeRequest"],  # type: ignore[misc]
    )


def flaws(findings: tuple[audit.Finding, ...]) -> list[Flaw]:
    return [finding.flaw for finding in findings]


def forged(one: Deployed, **revision: Any) -> Deployed:
    return replace(one, revision=replace(one.revision, **revision))


async def test_what_the_operator_did_fits(world: FakeWorld) -> None:
    assert compare(world.records(), await observed(world)) == ()


async def test_it_fits_also_while_a_promotion_is_under_way() -> None:
    fake = FakeWorld()
    await fake.environment("integration", {**INTEGRATION, "exit": SMOKE})
    await fake.promote(await fake.release("1.0.0"), "integration")
    await fake.until_hanging()
    assert compare(fake.records(), await observed(fake, "payments-integration")) == ()
    await fake.kill()


@pytest.mark.parametrize(
    "what",
    [
        {"revision": 3, "promotion_uid": "", "plan": ""},
        {"revision": 3, "promotion_uid": "nobody"},
        {"revision": 3},
        {"revision": 2, "plan": "another"},
    ],
    ids=["made by hand", "of an unknown promotion", "with copied labels", "under another plan"],
)
async def test_a_revision_that_is_not_sealed_is_named(world: FakeWorld, what: dict[str, Any]) -> None:
    seen = await observed(world)
    newest = max(seen.deployed, key=lambda one: one.revision.revision)
    findings = compare(world.records(), replace(seen, deployed=[*seen.deployed, forged(newest, **what)]))
    assert flaws(findings) == [Flaw.DEPLOYMENT_WITHOUT_RECORD]
    assert f"payments-app revision {what['revision']}" in findings[0].message


async def test_a_release_that_helm_does_not_know_any_more_is_named(world: FakeWorld) -> None:
    seen = await observed(world)
    kept = [one for one in seen.deployed if one.revision.status is not HelmStatus.DEPLOYED]
    findings = compare(world.records(), replace(seen, deployed=kept))
    assert flaws(findings) == [Flaw.RECORD_WITHOUT_DEPLOYMENT]
    assert "is not in Helm's storage" in findings[0].message


async def test_a_namespace_that_was_not_read_is_not_said_to_be_empty(world: FakeWorld) -> None:
    seen = await observed(world)
    assert compare(world.records(), replace(seen, deployed=[], namespaces=frozenset())) == ()


@pytest.mark.parametrize(
    "action",
    [
        AuditAction.SUBMITTED,
        AuditAction.APPROVED,
        AuditAction.APPLIED,
        AuditAction.SIGNED_OFF,
        AuditAction.REVIEWED,
        AuditAction.UNAUTHORISED,
    ],
)
async def test_a_decision_that_is_not_sealed_is_named(world: FakeWorld, action: AuditAction) -> None:
    records = world.records()
    records.remove(next(r for r in records if r.spec.action is action))
    assert Flaw.DECISION_WITHOUT_RECORD in flaws(compare(records, await observed(world)))


async def test_an_object_that_says_something_else_is_named(world: FakeWorld) -> None:
    records = world.records()
    place = next(n for n, r in enumerate(records) if r.spec.action is AuditAction.APPROVED)
    records[place] = changed(records[place], by="mallory")
    (finding,) = compare(records, await observed(world))
    assert (finding.flaw, finding.message) == (
        Flaw.OBJECT_DIFFERS,
        "ChangeRequest chg-0 says something else than what was sealed: by",
    )


@pytest.mark.parametrize(
    ("listed", "field", "value"),
    [
        ("findings", "what", "nothing much"),
        ("findings", "changedBy", "nobody"),
        ("submissions", "comment", "another story"),
        ("submissions", "by", "mallory"),
        ("review", "outcome", "Successful"),
        ("review", "summary", "all is well"),
        ("approvals", "onBehalfOf", "the whole board"),
    ],
)
async def test_an_entry_that_was_edited_past_the_api_server_is_named(
    world: FakeWorld, listed: str, field: str, value: str
) -> None:
    name = "chg-0" if listed == "approvals" else UNPERMITTED
    rows = (await world.status("ChangeRequest", name))[listed]
    await world.write_status("ChangeRequest", name, {listed: [{**rows[0], field: value}]})
    (finding,) = compare(world.records(), await observed(world))
    assert finding.flaw is Flaw.OBJECT_DIFFERS
    assert finding.message.endswith(f"what was sealed: {field}")


async def test_what_was_there_before_the_trail_is_no_part_of_it(world: FakeWorld) -> None:
    seen = await observed(world)
    old = Deployed(TARGET, Revision("legacy-app", 7, HelmStatus.DEPLOYED), datetime(2020, 1, 1, tzinfo=UTC))
    assert compare(world.records(), replace(seen, deployed=[*seen.deployed, old])) == ()


async def test_the_population_is_every_deployment_of_a_time_with_who_approved_it(world: FakeWorld) -> None:
    records, now = world.records(), world.clock.now()
    rows = [one.row() for one in population(records, now - timedelta(hours=1), now + timedelta(hours=1), "Production")]
    assert [(r["version"], r["change"], r["approvers"], r["outcome"]) for r in rows] == [
        ("1.0.0", "chg-0", ["alice (cab)"], "Succeeded"),
        ("1.1.0", "chg-1", ["alice (cab)"], "Succeeded"),
    ]
    assert population(records, now - timedelta(hours=1), now + timedelta(hours=1), "UAT") == ()
    assert population(records, now + timedelta(hours=1), now + timedelta(hours=2)) == ()


async def test_the_story_of_a_change_is_that_change_and_its_promotions(world: FakeWorld) -> None:
    told = [(r.spec.action.value, r.spec.subject.name) for r in story(world.records(), "payments", "chg-1")]
    promotion = "payments-1.1.0-production"
    assert told == [
        ("Approved", "chg-1"),
        *((action, promotion) for action in ("Applied", "Verified", "SignedOff", "Finished")),
    ]


async def test_the_rules_of_a_day_are_those_in_force_then(world: FakeWorld) -> None:
    began = world.clock.now()
    world.clock.advance(timedelta(days=1))
    await world.edit("Environment", "production", timeout="5m")
    await world.freeze()
    await world.settle()
    world.clock.advance(timedelta(days=1))
    await world.gone("FreezeWindow", "stop")
    await world.settle()

    def names(days: int) -> list[tuple[str, str]]:
        found: list[AuditRecord] = list(rules_on(world.records(), began + timedelta(days=days, hours=1)))
        return [(r.spec.subject.name, r.spec.key) for r in found]

    assert names(0) == [("production", "generation/1")]
    assert names(1) == [("production", "generation/2"), ("stop", "generation/1")]
    assert names(2) == [("production", "generation/2")]
