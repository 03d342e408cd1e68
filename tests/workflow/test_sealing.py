"""What is sealed, when, and what happens where it cannot be."""

import pytest

from lockflight.api.auditrecord import AuditAction
from lockflight.api.environment import Environment
from lockflight.policy.audit import verify
from lockflight.policy.unauthorised import Finding
from lockflight.ports import RefusedError
from lockflight.workflow.unauthorised import record
from tests.workflow.faults import Killed, Strike
from tests.workflow.world import INTEGRATION, PRODUCTION, SMOKE, FakeWorld

UNPERMITTED = "unauthorised-production-payments"
SIGNED = {**SMOKE, "signOffs": [{"role": "business"}]}


async def released(world: FakeWorld) -> str:
    """A release that went to production under a change, verified and signed off; the promotion's name."""
    await world.environment("production", {**PRODUCTION, "exit": SIGNED})
    release = await world.release("1.0.0")
    await world.change("chg-1", release)
    await world.settle()
    await world.approve("chg-1")
    promotion = await world.promote(release, "production")
    await world.settle()
    await world.sign(promotion, "carol")
    await world.settle()
    return promotion


def sealed(world: FakeWorld) -> list[tuple[str, str]]:
    return [(r.spec.action.value, r.spec.subject.name) for r in world.records()]


async def test_a_release_to_production_leaves_one_record_a_decision(fake: FakeWorld) -> None:
    promotion = await released(fake)
    assert sealed(fake) == [
        ("RulesChanged", "production"),
        ("Approved", "chg-1"),
        ("Applied", promotion),
        ("Verified", promotion),
        ("SignedOff", promotion),
        ("Finished", promotion),
    ]
    assert verify(fake.stack, fake.records()) == ()


async def test_the_record_of_a_helm_action_says_on_what_it_rests(fake: FakeWorld) -> None:
    promotion = await released(fake)
    (record,) = fake.records(AuditAction.APPLIED)
    facts, status = record.spec.facts, await fake.status("Promotion", promotion)
    assert facts["plan"] == status["plan"]
    assert facts["releaseDigest"] == (await fake.status("Release", "payments-1.0.0"))["digest"]
    assert {v["gate"] for v in facts["verdicts"]} >= {"ChangeControl", "Order", "Freeze"}
    assert all(v["outcome"] in ("Passed", "NotApplicable") for v in facts["verdicts"])
    assert [(a["by"], a["role"], a["decision"]) for a in facts["change"]["approvals"]] == [("alice", "cab", "Approved")]
    (rules,) = fake.records(AuditAction.RULES_CHANGED)
    assert [(r["kind"], r["name"], r["digest"]) for r in facts["rules"]] == [
        ("Environment", "production", rules.spec.facts["digest"])
    ]
    assert facts["creator"] == "jo"


async def test_a_persons_word_is_sealed_with_who_said_it(fake: FakeWorld) -> None:
    await released(fake)
    approved, signed = fake.records(AuditAction.APPROVED, AuditAction.SIGNED_OFF)
    assert (approved.spec.by, approved.spec.facts["role"]) == ("alice", "cab")
    assert (signed.spec.by, signed.spec.facts["role"]) == ("carol", "business")


async def test_the_record_is_there_before_helm_acts(fake: FakeWorld) -> None:
    there: list[int] = []
    fake.helm.observe = lambda _: there.append(len(fake.records(AuditAction.APPLIED)))
    await released(fake)
    assert there == [1]


async def test_without_its_record_nothing_is_applied(fake: FakeWorld) -> None:
    await fake.environment("integration", {**INTEGRATION, "exit": SMOKE})
    release = await fake.release("1.0.0")
    await fake.settle()
    fake.cluster.refused["create", "AuditRecord"] = RefusedError("refused by a policy")
    promotion = await fake.promote(release, "integration")
    await fake.settle()
    await fake.later(minutes=2)
    assert fake.helm.calls == []
    assert "audit trail cannot be written" in (await fake.status("Promotion", promotion))["waitsFor"]
    assert "AuditRecordMissing" in fake.events.reasons

    fake.cluster.refused.clear()
    await fake.later(minutes=1)
    assert await fake.phase(promotion) == "Succeeded"
    assert [action for action, _ in sealed(fake)][-3:] == ["Applied", "Verified", "Finished"]


async def test_without_its_record_nothing_is_taken_back(fake: FakeWorld) -> None:
    await fake.environment("integration", INTEGRATION)
    await fake.promote(await fake.release("1.0.0"), "integration")
    await fake.settle()
    bad = await fake.promote(await fake.release("1.1.0", values={"app": {"unschedulable": True}}), "integration")
    fake.helm.observe = lambda _: fake.cluster.refused.update(
        {("create", "AuditRecord"): RefusedError("refused by a policy")}
    )
    await fake.settle()
    assert ("rollback", "payments-app") not in fake.helm.calls
    fake.cluster.refused.clear()
    await fake.later(minutes=1)
    assert await fake.phase(bad) == "RolledBack"
    (record,) = fake.records(AuditAction.TAKEN_BACK)
    assert (record.spec.subject.name, record.spec.facts["way"]) == (bad, "Rollback")
    assert "resource not ready" in record.spec.facts["why"]


async def test_a_rejected_change_is_sealed_as_refused_and_finished(fake: FakeWorld) -> None:
    await fake.environment("production", PRODUCTION)
    await fake.change("chg-1", await fake.release("1.0.0"))
    await fake.settle()
    await fake.approve("chg-1", decision="Rejected")
    await fake.settle()
    assert sealed(fake)[1:] == [("Refused", "chg-1"), ("Finished", "chg-1")]
    assert fake.records()[-1].spec.facts["phase"] == "Rejected"


async def test_what_ends_without_being_applied_is_sealed_with_its_verdicts(fake: FakeWorld) -> None:
    await fake.environment("production", PRODUCTION)
    promotion = await fake.promote(await fake.release("1.0.0"), "production")
    await fake.settle()
    await fake.edit("Promotion", promotion, abort=True)
    await fake.settle()
    (record,) = fake.records(AuditAction.FINISHED)
    assert record.spec.facts["phase"] == "Aborted"
    assert {v["gate"]: v["outcome"] for v in record.spec.facts["verdicts"]}["ChangeControl"] != "Passed"


async def test_every_version_of_a_rule_is_sealed_with_its_diff(fake: FakeWorld) -> None:
    await fake.environment("production", {**PRODUCTION, "soak": "24h", "promotesFrom": ["uat"]})
    await fake.settle()
    await fake.edit("Environment", "production", soak="1h")
    await fake.settle()
    await fake.gone("Environment", "production")
    await fake.settle()
    new, edited, gone = fake.records(AuditAction.RULES_CHANGED)
    assert "diff" not in new.spec.facts
    assert edited.spec.facts["diff"] == [{"path": "/soak", "from": "24h", "to": "1h"}]
    assert gone.spec.facts["deleted"] is True
    assert new.spec.by == edited.spec.by == "jo"


async def test_a_rule_made_again_under_its_name_begins_anew(fake: FakeWorld) -> None:
    await fake.freeze()
    await fake.settle()
    await fake.gone("FreezeWindow", "stop")
    await fake.freeze()
    await fake.restart()
    assert [r.spec.key for r in fake.records(AuditAction.RULES_CHANGED)] == ["generation/1", "gone", "generation/1"]
    first, _, again = fake.records(AuditAction.RULES_CHANGED)
    assert first.spec.subject.uid != again.spec.subject.uid


async def test_a_rule_deleted_while_nobody_watched_is_found_at_the_start(fake: FakeWorld) -> None:
    await fake.freeze()
    await fake.settle()
    await fake.gone("FreezeWindow", "stop")
    await fake.restart()
    assert [r.spec.key for r in fake.records(AuditAction.RULES_CHANGED)] == ["generation/1", "gone"]


async def test_an_end_whose_record_was_not_written_is_sealed_by_the_next_process(fake: FakeWorld) -> None:
    undisturbed = FakeWorld()
    promotion = await _promoted(undisturbed)
    last = max(n for n, call in enumerate(undisturbed.faults.calls, 1) if call == f"patch Promotion {promotion}")
    fake.faults.strike = Strike(last, "after")
    with pytest.raises(Killed):
        await _promoted(fake)
    assert await fake.phase(promotion) == "Succeeded"
    assert fake.records(AuditAction.FINISHED) == []
    await fake.restart()
    (record,) = fake.records(AuditAction.FINISHED)
    assert record.spec.facts["phase"] == "Succeeded"
    assert record.spec.facts["history"], "read from the cluster: the store keeps less"


async def _promoted(world: FakeWorld) -> str:
    await world.environment("integration", INTEGRATION)
    promotion = await world.promote(await world.release("1.0.0"), "integration")
    await world.settle()
    return promotion


async def test_the_boards_word_on_a_catalogue_entry_is_sealed(fake: FakeWorld) -> None:
    pattern = {
        "applications": ["payments"],
        "environments": ["production"],
        "versionBump": "Patch",
        "kinds": ["Deployment"],
        "maxRisk": "Low",
    }
    await fake.create("StandardChange", "patch", {"title": "Patch", "pattern": pattern, "validUntil": "2099-12-31"})
    await fake.settle()
    said = {"role": "cab", "decision": "Approved", "by": "alice", "groups": ["cab"], "generation": 1}
    await fake.write_status("StandardChange", "patch", {"approvals": [said]})
    await fake.settle()
    assert sealed(fake) == [("RulesChanged", "patch"), ("Approved", "patch")]
    assert (fake.records()[-1].spec.by, fake.records()[-1].spec.groups) == ("alice", ("cab",))


async def unauthorised(world: FakeWorld) -> None:
    """Somebody changed production by hand, and the operator found it."""
    await world.environment("production", PRODUCTION)
    await world.settle()
    environment = world.process.store.get(Environment, "payments", "production")
    assert environment is not None
    await record(world.process.deps, environment, "payments", [Finding("Deployment/app", "image differs", "eve", "7")])
    await world.settle()


REVIEW = {"role": "cab", "outcome": "Failed", "summary": "undone", "by": "carla", "generation": 1}


async def test_what_nobody_permitted_is_sealed_with_its_review_and_then_its_end(fake: FakeWorld) -> None:
    await unauthorised(fake)
    await fake.write_status("ChangeRequest", UNPERMITTED, {"review": [REVIEW]})
    await fake.settle()
    assert sealed(fake)[1:] == [(action, UNPERMITTED) for action in ("Unauthorised", "Reviewed", "Finished")]
    (found,) = fake.records(AuditAction.UNAUTHORISED)
    assert (found.spec.by, found.spec.facts["changedBy"], found.spec.facts["what"]) == (None, "eve", "image differs")
    (reviewed,) = fake.records(AuditAction.REVIEWED)
    assert reviewed.spec.by == "carla"
    assert reviewed.spec.facts["outcome"] == "Failed"
    assert reviewed.spec.facts["summary"] == "undone"


async def test_who_put_a_change_forward_is_sealed(fake: FakeWorld) -> None:
    await fake.environment("production", PRODUCTION)
    await fake.change("chg-1", await fake.release("1.0.0"))
    await fake.settle()
    said = {"role": "requester", "comment": "mine", "by": "rita", "groups": ["rm"], "generation": 1}
    await fake.write_status("ChangeRequest", "chg-1", {"submissions": [said]})
    await fake.settle()
    (record_,) = fake.records(AuditAction.SUBMITTED)
    assert (record_.spec.by, record_.spec.groups, record_.spec.facts["comment"]) == ("rita", ("rm",), "mine")


async def test_a_word_that_is_added_to_what_ended_is_sealed_too(fake: FakeWorld) -> None:
    await unauthorised(fake)
    await fake.write_status("ChangeRequest", UNPERMITTED, {"review": [REVIEW]})
    await fake.settle()
    await fake.write_status("ChangeRequest", UNPERMITTED, {"review": [REVIEW, {**REVIEW, "by": "doris"}]})
    await fake.settle()
    assert [r.spec.by for r in fake.records(AuditAction.REVIEWED)] == ["carla", "doris"]
    before = len(fake.records())
    await fake.restart()
    assert len(fake.records()) == before
