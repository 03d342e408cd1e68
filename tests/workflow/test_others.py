"""Verification by others: open once everything else has passed, ended by a word that counts, and holding nothing."""

from collections.abc import Mapping
from typing import Any

import pytest

from lockflight.api.auditrecord import AuditAction
from tests.workflow.world import INTEGRATION, SMOKE, FakeWorld

PEN_TEST = {"name": "pen-test", "external": {"role": "security", "timeout": "72h"}}
LOAD = {"name": "load", "external": {"role": "performance", "timeout": "8h"}}
SIGNED = {"signOffs": [{"role": "business", "count": 1}]}


async def started(fake: FakeWorld, *checks: Mapping[str, Any], version: str = "1.0.0", **more: Any) -> str:
    """A promotion into an environment with these verifications; what Lockflight does itself has passed."""
    leave = {"verification": list(checks or (PEN_TEST,)), **more.pop("leave", {})}
    await fake.environment("integration", {**INTEGRATION, "exit": leave, **more})
    promotion = await fake.promote(await fake.release(version), "integration")
    await fake.settle()
    return promotion


async def attest(
    fake: FakeWorld, promotion: str, name: str = "pen-test", result: str = "Passed", by: str = "sue", **more: object
) -> None:
    raw = await fake.raw("Promotion", promotion)
    digest = raw["status"]["plan"]["digest"]
    entry = {"role": "security", "verification": name, "result": result, "by": by, "planDigest": digest}
    await fake._append(raw, "attestations", {**entry, **more})
    await fake.settle()


async def rows(fake: FakeWorld, promotion: str) -> dict[str, str]:
    return {row["name"]: row["state"] for row in (await fake.status("Promotion", promotion))["verification"]}


async def test_it_opens_after_what_lockflight_runs_itself_whatever_the_order(fake: FakeWorld) -> None:
    promotion = await started(fake, PEN_TEST, *SMOKE["verification"])
    assert await fake.phase(promotion) == "AwaitingVerification"
    assert await rows(fake, promotion) == {"smoke": "Passed", "pen-test": "Running"}
    status = await fake.status("Promotion", promotion)
    assert "lockflight attest payments-1.0.0-integration pen-test --role security" in status["waitsFor"]
    assert (status.get("verifiedAt"), status.get("inUse", False)) == (None, False)


async def test_a_word_of_somebody_entitled_verifies_it(fake: FakeWorld) -> None:
    promotion = await started(fake)
    await attest(fake, promotion, comment="report 7")
    assert await fake.phase(promotion) == "Succeeded"
    row = (await fake.status("Promotion", promotion))["verification"][0]
    assert (row["state"], row["message"]) == ("Passed", "says sue: report 7")
    sealed = fake.records(AuditAction.ATTESTED, AuditAction.VERIFIED)
    assert (sealed[0].spec.by, sealed[0].spec.facts["verification"]) == ("sue", "pen-test")
    assert sealed[-1].spec.facts["verification"][0]["state"] == "Passed"


async def test_sign_offs_come_after_it(fake: FakeWorld) -> None:
    promotion = await started(fake, leave=SIGNED)
    await attest(fake, promotion)
    assert await fake.phase(promotion) == "AwaitingSignOff"
    await fake.sign(promotion, "bea")
    await fake.settle()
    assert await fake.phase(promotion) == "Succeeded"


async def test_soaking_begins_with_the_last_word(fake: FakeWorld) -> None:
    promotion = await started(fake)
    await fake.later(hours=5)
    assert "runningSince" not in (await fake.status("Release", "payments-1.0.0"))["environments"][0]
    await attest(fake, promotion)
    row = (await fake.status("Release", "payments-1.0.0"))["environments"][0]
    verified = (await fake.status("Promotion", promotion))["verifiedAt"]
    assert row["runningSince"] == row["verifiedAt"] == verified


@pytest.mark.parametrize(
    "wrong",
    [
        {"role": "others"},
        {"planDigest": "sha256:" + "0" * 64},
        {"generation": 7},
        {"by": ""},
        {"name": "another"},
        {"by": "lara"},
        {"by": "root"},
    ],
    ids=str,
)
async def test_a_word_that_does_not_count_verifies_nothing(fake: FakeWorld, wrong: Mapping[str, Any]) -> None:
    fake.cluster.leavers.add("lara")
    fake.cluster.wildcards.add("root")
    promotion = await started(fake)
    await attest(fake, promotion, **wrong)
    assert (await fake.phase(promotion), await rows(fake, promotion)) == (
        "AwaitingVerification",
        {"pen-test": "Running"},
    )


async def test_why_a_word_does_not_count_is_told(fake: FakeWorld) -> None:
    promotion = await started(fake)
    await attest(fake, promotion, role="performance")
    assert "not counted: pen-test: sue spoke as performance, asked for is security" in await fake.said(promotion)


async def test_all_of_several_have_to_pass(fake: FakeWorld) -> None:
    promotion = await started(fake, PEN_TEST, LOAD)
    await attest(fake, promotion)
    assert await rows(fake, promotion) == {"pen-test": "Passed", "load": "Running"}
    await attest(fake, promotion, "load", role="performance")
    assert await fake.phase(promotion) == "Succeeded"


async def test_one_that_failed_is_taken_back_as_the_environment_says(fake: FakeWorld) -> None:
    first = await started(fake)
    await attest(fake, first)
    second = await fake.promote(await fake.release("1.1.0"), "integration")
    await fake.settle()
    await attest(fake, second, result="Failed", comment="open port")
    assert await fake.phase(second) == "RolledBack"
    assert "verification pen-test failed: says sue: open port" in await fake.said(second)
    assert await fake.running("integration") == {"app": "1.0.0"}


async def test_one_that_failed_is_held_where_the_environment_says_so(fake: FakeWorld) -> None:
    promotion = await started(fake, onFailure="Hold")
    await attest(fake, promotion, result="Failed")
    assert await fake.phase(promotion) == "Failed"
    assert await fake.running("integration") == {"app": "1.0.0"}


async def test_it_fails_by_its_own_words_though_the_configuration_changed_meanwhile(fake: FakeWorld) -> None:
    promotion = await started(fake, onFailure="Hold")
    await fake.edit("Environment", "integration", values={"greeting": "another"})
    await fake.settle()
    await attest(fake, promotion, result="Failed")
    assert "verification pen-test failed" in await fake.said(promotion)


async def test_it_passes_though_the_configuration_changed_meanwhile(fake: FakeWorld) -> None:
    promotion = await started(fake)
    await fake.edit("Environment", "integration", values={"greeting": "another"})
    await fake.settle()
    await attest(fake, promotion)
    assert await fake.phase(promotion) == "Succeeded"


async def test_without_a_word_in_time_it_has_failed(fake: FakeWorld) -> None:
    promotion = await started(fake, onFailure="Hold")
    await fake.later(hours=71, minutes=59)
    assert await fake.phase(promotion) == "AwaitingVerification"
    await fake.later(minutes=1)
    assert await fake.phase(promotion) == "Failed"
    assert "nobody who may speak as security said by" in await fake.said(promotion)


async def test_the_target_is_free_and_a_newer_deployment_ends_the_wait(fake: FakeWorld) -> None:
    first = await started(fake)
    second = await fake.promote(await fake.release("1.1.0"), "integration")
    await fake.settle()
    assert (await fake.phase(first), await fake.phase(second)) == ("Superseded", "AwaitingVerification")
    assert await rows(fake, first) == {"pen-test": "Cancelled"}
    await attest(fake, second)
    assert await fake.phase(second) == "Succeeded"


async def test_a_late_word_does_not_bring_back_what_was_superseded(fake: FakeWorld) -> None:
    first = await started(fake)
    await fake.promote(await fake.release("1.1.0"), "integration")
    await fake.settle()
    await attest(fake, first, result="Failed")
    assert await fake.phase(first) == "Superseded"
    assert await fake.running("integration") == {"app": "1.1.0"}


async def test_an_abort_leaves_the_release_where_it_is(fake: FakeWorld) -> None:
    promotion = await started(fake)
    await fake.edit("Promotion", promotion, abort=True)
    await fake.settle()
    assert await fake.phase(promotion) == "Aborted"
    assert [t["release"] for t in (await fake.status("Environment", "integration"))["targets"]] == ["payments-1.0.0"]
    assert "signedOffAt" not in (await fake.status("Release", "payments-1.0.0"))["environments"][0]


async def test_what_an_environment_asks_for_meanwhile_is_asked_for(fake: FakeWorld) -> None:
    promotion = await started(fake)
    await fake.edit("Environment", "integration", exit={"verification": [PEN_TEST, LOAD]})
    await attest(fake, promotion)
    assert await rows(fake, promotion) == {"pen-test": "Passed", "load": "Running"}


async def test_nothing_is_decided_while_its_environment_is_gone(fake: FakeWorld) -> None:
    promotion = await started(fake)
    uid = (await fake.raw("Environment", "integration"))["metadata"]["uid"]
    await fake.cluster.remove("Environment", fake.stack, "integration", uid)
    await fake.restart()
    await attest(fake, promotion)
    assert await fake.phase(promotion) == "AwaitingVerification"
    assert "its environment is gone" in await fake.said(promotion)


async def test_another_process_goes_on_waiting(fake: FakeWorld) -> None:
    promotion = await started(fake)
    await fake.restart()
    assert await fake.phase(promotion) == "AwaitingVerification"
    await attest(fake, promotion)
    assert await fake.phase(promotion) == "Succeeded"


async def test_a_way_back_asks_nobody(fake: FakeWorld) -> None:
    first = await started(fake)
    await attest(fake, first)
    second = await fake.promote(await fake.release("1.1.0"), "integration")
    await fake.settle()
    await attest(fake, second)
    back = await fake.promote("payments-1.0.0", "integration", name="back", action="Rollback")
    await fake.settle()
    assert await fake.phase(back) == "Succeeded"
