"""What an environment gave is taken back: what depended on it closes, and what runs already says so."""

from typing import Any

from lockflight.api.auditrecord import AuditAction
from tests.workflow.world import INTEGRATION, FakeWorld

SIGNED = {"exit": {"signOffs": [{"role": "business", "count": 1}]}}
FIRST = {**INTEGRATION, **SIGNED}


async def chain(fake: FakeWorld, count: int = 1, **entry: Any) -> str:
    """first → second → third; the release passed first. The name of the promotion that brought it there."""
    needs = {"exit": {"signOffs": [{"role": "business", "count": count}]}}
    await fake.environment("first", {**FIRST, **needs, **entry})
    await fake.environment("second", {**INTEGRATION, "promotesFrom": ["first"]})
    promotion = await fake.promote(await fake.release("1.0.0"), "first")
    await fake.settle()
    for person in ("bea", "ben")[:count]:
        await fake.sign(promotion, person)
    await fake.settle()
    assert await fake.phase(promotion) == "Succeeded"
    return promotion


async def withdraw(fake: FakeWorld, promotion: str, person: str = "bea", decision: str = "Withdrawn") -> None:
    await fake.sign(promotion, person, decision=decision)
    await fake.settle()


async def condition(fake: FakeWorld, environment: str) -> tuple[str, str] | None:
    rows = (await fake.status("Environment", environment))["conditions"]
    return next(((r["status"], r["message"]) for r in rows if r["type"] == "UpstreamWithdrawn"), None)


async def test_a_sign_off_that_is_withdrawn_closes_what_comes_after(fake: FakeWorld) -> None:
    first = await chain(fake)
    await fake.freeze()
    second = await fake.promote("payments-1.0.0", "second")
    await fake.settle()
    assert await fake.gate(second, "Order") == "Passed"
    await withdraw(fake, first)
    assert await fake.gate(second, "Order") == "WithdrawnUpstream"
    row = (await fake.status("Release", "payments-1.0.0"))["environments"][0]
    assert ("signedOffAt" in row, row["withdrawn"]) == (True, "bea withdrew, needs 1 more of role business")
    assert (await fake.status("Release", "payments-1.0.0")).get("passed") is None
    assert fake.records(AuditAction.WITHDRAWN)[-1].spec.by == "bea"


async def test_it_opens_again_once_it_was_promoted_there_and_signed_off_anew(fake: FakeWorld) -> None:
    first = await chain(fake)
    await withdraw(fake, first)
    second = await fake.promote("payments-1.0.0", "second")
    again = await fake.promote("payments-1.0.0", "first", name="again")
    await fake.settle()
    assert (await fake.phase(second), await fake.phase(again)) == ("Waiting", "AwaitingSignOff")
    await fake.sign(again, "ben")
    await fake.settle()
    assert await fake.phase(second) == "Succeeded"


async def test_where_it_runs_already_it_stays_and_says_so(fake: FakeWorld) -> None:
    first = await chain(fake)
    second = await fake.promote("payments-1.0.0", "second")
    await fake.settle()
    assert await condition(fake, "second") is None
    await withdraw(fake, first)
    assert await fake.phase(second) == "Succeeded"
    assert await fake.running("second") == {"app": "1.0.0"}
    status, message = await condition(fake, "second") or ("", "")
    assert (status, "the sign-off of payments-1.0.0 in first was taken back: bea" in message) == ("True", True)


async def test_what_lies_further_on_closes_as_well(fake: FakeWorld) -> None:
    first = await chain(fake)
    await fake.promote("payments-1.0.0", "second")
    await fake.settle()
    await fake.environment("third", {**INTEGRATION, "promotesFrom": ["second"]})
    await withdraw(fake, first)
    third = await fake.promote("payments-1.0.0", "third")
    await fake.settle()
    assert (await fake.phase(third), await fake.gate(third, "Order")) == ("Waiting", "WithdrawnUpstream")


async def test_enough_others_keep_it_open(fake: FakeWorld) -> None:
    first = await chain(fake, count=2)
    await fake.edit("Environment", "first", **SIGNED)
    await fake.settle()
    await withdraw(fake, first)
    assert "withdrawn" not in (await fake.status("Release", "payments-1.0.0"))["environments"][0]


async def test_too_few_others_do_not(fake: FakeWorld) -> None:
    first = await chain(fake, count=2)
    await withdraw(fake, first)
    words = (await fake.status("Release", "payments-1.0.0"))["environments"][0]["withdrawn"]
    assert words == "bea withdrew, needs 1 more of role business"


async def test_a_no_that_comes_late_closes_too(fake: FakeWorld) -> None:
    first = await chain(fake)
    await withdraw(fake, first, "ben", "Rejected")
    assert (await fake.status("Release", "payments-1.0.0"))["environments"][0]["withdrawn"] == "ben said no afterwards"


async def test_an_abort_that_came_too_late_keeps_nobody_from_withdrawing(fake: FakeWorld) -> None:
    first = await chain(fake)
    await fake.edit("Promotion", first, abort=True)
    await fake.settle()
    raw = await fake.raw("Promotion", first)
    assert (raw["status"]["phase"], raw["status"]["observedGeneration"]) == ("Succeeded", raw["metadata"]["generation"])
    await withdraw(fake, first)
    assert "withdrawn" in (await fake.status("Release", "payments-1.0.0"))["environments"][0]


async def test_an_abort_that_came_too_late_takes_no_sign_off_back(fake: FakeWorld) -> None:
    first = await chain(fake)
    await fake.edit("Promotion", first, abort=True)
    await fake.settle()
    assert "withdrawn" not in (await fake.status("Release", "payments-1.0.0"))["environments"][0]


async def test_it_stays_withdrawn_without_the_promotion(fake: FakeWorld) -> None:
    first = await chain(fake)
    await withdraw(fake, first)
    uid = (await fake.raw("Promotion", first))["metadata"]["uid"]
    await fake.cluster.remove("Promotion", fake.stack, first, uid)
    await fake.restart()
    second = await fake.promote("payments-1.0.0", "second")
    await fake.settle()
    assert await fake.gate(second, "Order") == "WithdrawnUpstream"


async def test_what_was_written_while_the_operator_was_down_is_found_and_sealed(fake: FakeWorld) -> None:
    first = await chain(fake)
    await fake.sign(first, "bea", decision="Withdrawn")
    await fake.restart()
    assert "withdrawn" in (await fake.status("Release", "payments-1.0.0"))["environments"][0]
    assert [r.spec.by for r in fake.records(AuditAction.WITHDRAWN)] == ["bea"]


async def revoke(fake: FakeWorld, result: str, by: str = "ci") -> None:
    raw = await fake.raw("Release", "payments-1.0.0")
    entry = {"type": "scan", "result": result, "by": by, "releaseDigest": raw["status"]["digest"]}
    await fake._append(raw, "evidence", entry)
    await fake.settle()


async def scanned(fake: FakeWorld) -> str:
    """A promotion into second, held by a freeze; first asks for a scan, which there is."""
    await fake.environment("first", {**INTEGRATION, "entry": {"evidence": ["scan"]}})
    await fake.environment("second", {**INTEGRATION, "promotesFrom": ["first"]})
    first = await fake.promote(await fake.release("1.0.0"), "first")
    await fake.settle()
    await revoke(fake, "Passed")
    assert await fake.phase(first) == "Succeeded"
    await fake.freeze()
    second = await fake.promote("payments-1.0.0", "second")
    await fake.settle()
    assert await fake.gate(second, "Order") == "Passed"
    return second


async def test_evidence_that_is_revoked_closes_what_comes_after(fake: FakeWorld) -> None:
    second = await scanned(fake)
    await revoke(fake, "Withdrawn")
    assert await fake.gate(second, "Order") == "WithdrawnUpstream"
    await revoke(fake, "Passed")
    assert await fake.gate(second, "Order") == "Passed"


async def test_evidence_that_fails_afterwards_closes_what_comes_after(fake: FakeWorld) -> None:
    second = await scanned(fake)
    await revoke(fake, "Failed", by="scanner")
    assert await fake.gate(second, "Order") == "WithdrawnUpstream"


async def test_evidence_of_which_somebody_else_still_says_that_it_passed_keeps_it_open(fake: FakeWorld) -> None:
    second = await scanned(fake)
    await revoke(fake, "Passed", by="other")
    await revoke(fake, "Withdrawn")
    assert await fake.gate(second, "Order") == "Passed"


async def test_evidence_that_was_never_asked_for_before_closes_nothing(fake: FakeWorld) -> None:
    second = await scanned(fake)
    await fake.edit("Environment", "first", entry={"evidence": ["scan", "another"]})
    await fake.settle()
    assert await fake.gate(second, "Order") == "Passed"
