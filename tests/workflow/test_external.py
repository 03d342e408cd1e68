"""Steps of a bundle that others take: open when their turn comes, and ended by a word that counts."""

from collections.abc import Mapping
from typing import Any

import pytest

from lockflight.api.auditrecord import AuditAction
from tests.workflow.world import INTEGRATION, PRODUCTION, FakeWorld

EXTERNAL = {"role": "ledger-team", "description": "Load the tariffs.", "timeout": "2h"}
CI = "system:serviceaccount:payments:ci"


async def started(fake: FakeWorld, *order: str, environment: str = "integration", **step: object) -> str:
    """A promotion of components in that order; those called step-… are others'. It has begun."""
    await fake.environment(environment, INTEGRATION if environment == "integration" else PRODUCTION)
    parts = [
        {"name": name, "external": EXTERNAL | step}
        if name.startswith("step")
        else {"name": name, "chart": fake.chart(), "values": {"greeting": "1"}}
        for name in order
    ]
    promotion = await fake.promote(await fake.release("1.0.0", components=parts), environment)
    await fake.settle()
    return promotion


async def attest(
    fake: FakeWorld, promotion: str, step: str = "step", result: str = "Passed", by: str = CI, **more: object
) -> None:
    raw = await fake.raw("Promotion", promotion)
    entry = {
        "role": "ledger-team",
        "step": step,
        "result": result,
        "by": by,
        "planDigest": raw["status"]["plan"]["digest"],
    }
    await fake._append(raw, "attestations", {**entry, **more})
    await fake.settle()


async def steps(fake: FakeWorld, promotion: str) -> Mapping[str, str]:
    return {row["name"]: row["state"] for row in (await fake.status("Promotion", promotion))["steps"]}


async def authorized(fake: FakeWorld, promotion: str) -> str:
    rows = (await fake.status("Promotion", promotion))["conditions"]
    return str(next(row["status"] for row in rows if row["type"] == "Authorized"))


async def test_what_comes_before_is_applied_and_what_comes_after_waits(fake: FakeWorld) -> None:
    promotion = await started(fake, "one", "step", "two")
    assert (await fake.phase(promotion), await authorized(fake, promotion)) == ("Deploying", "True")
    assert await fake.running("integration") == {"one": "1.0.0"}
    assert await steps(fake, promotion) == {"step": "Authorized"}
    assert "lockflight attest" in (await fake.status("Promotion", promotion))["waitsFor"]
    await attest(fake, promotion)
    assert await fake.phase(promotion) == "Succeeded"
    assert await fake.running("integration") == {"one": "1.0.0", "two": "1.0.0"}
    assert (await steps(fake, promotion), await authorized(fake, promotion)) == ({"step": "Done"}, "False")
    sealed = fake.records(AuditAction.FINISHED)[-1].spec.facts
    assert (sealed["steps"][0]["state"], sealed["attestations"][0]["by"]) == ("Done", CI)


async def test_every_word_on_a_step_is_sealed_also_one_that_does_not_count(fake: FakeWorld) -> None:
    promotion = await started(fake, "step", "one")
    fake.cluster.leavers.add("gone")
    await attest(fake, promotion, by="gone", result="Failed")
    await attest(fake, promotion, comment="log 7")
    assert await fake.phase(promotion) == "Succeeded"
    found = [(r.spec.by, r.spec.facts["step"], r.spec.facts["result"]) for r in fake.records(AuditAction.ATTESTED)]
    assert found == [("gone", "step", "Failed"), (CI, "step", "Passed")]
    assert fake.records(AuditAction.ATTESTED)[-1].spec.facts["comment"] == "log 7"


@pytest.mark.parametrize("order", [("step", "one"), ("one", "step")], ids=["first", "last"])
async def test_a_step_may_be_first_or_last(fake: FakeWorld, order: tuple[str, ...]) -> None:
    promotion = await started(fake, *order)
    assert await fake.phase(promotion) == "Deploying"
    assert await fake.running("integration") == ({} if order[0] == "step" else {"one": "1.0.0"})
    await attest(fake, promotion)
    assert await fake.phase(promotion) == "Succeeded"


async def test_steps_come_one_after_the_other(fake: FakeWorld) -> None:
    promotion = await started(fake, "one", "step-a", "step-b")
    assert await steps(fake, promotion) == {"step-a": "Authorized", "step-b": "Pending"}
    await attest(fake, promotion, "step-a")
    assert await steps(fake, promotion) == {"step-a": "Done", "step-b": "Authorized"}
    await attest(fake, promotion, "step-b")
    assert await fake.phase(promotion) == "Succeeded"


@pytest.mark.parametrize(
    "wrong",
    [
        {"role": "others"},
        {"planDigest": "sha256:" + "0" * 64},
        {"generation": 7},
        {"by": ""},
        {"step": "another"},
        {"by": "lara"},
        {"by": "root"},
    ],
    ids=str,
)
async def test_a_word_that_does_not_count_ends_nothing(fake: FakeWorld, wrong: Mapping[str, Any]) -> None:
    fake.cluster.leavers.add("lara")
    fake.cluster.wildcards.add("root")
    promotion = await started(fake, "one", "step")
    await attest(fake, promotion, **wrong)
    assert await steps(fake, promotion) == {"step": "Authorized"}


async def test_a_failed_step_is_left_to_people(fake: FakeWorld) -> None:
    promotion = await started(fake, "one", "step", "two")
    await attest(fake, promotion, result="Failed", comment="tariffs are wrong")
    assert await fake.phase(promotion) == "Failed"
    message = await fake.said(promotion)
    assert f"step step failed: says {CI}: tariffs are wrong" in message
    assert "a person decides" in message
    assert await fake.running("integration") == {"one": "1.0.0"}
    assert await steps(fake, promotion) == {"step": "Failed"}


async def test_nobody_says_anything_in_time(fake: FakeWorld) -> None:
    promotion = await started(fake, "one", "step")
    await fake.later(hours=1, minutes=59)
    assert await fake.phase(promotion) == "Deploying"
    await fake.later(minutes=1)
    assert await fake.phase(promotion) == "Failed"
    assert "nobody said by" in await fake.said(promotion)


async def test_a_hold_takes_the_word_back(fake: FakeWorld) -> None:
    promotion = await started(fake, "one", "step")
    await fake.edit("Release", "payments-1.0.0", hold={"reason": "stop"})
    await fake.later(minutes=1)
    assert (await fake.phase(promotion), await authorized(fake, promotion)) == ("Failed", "False")


async def test_an_abort_ends_it(fake: FakeWorld) -> None:
    promotion = await started(fake, "one", "step")
    await fake.edit("Promotion", promotion, abort=True)
    await fake.settle()
    assert await fake.phase(promotion) == "Aborted"
    assert await steps(fake, promotion) == {"step": "Failed"}


async def test_another_process_goes_on_waiting_and_a_wait_writes_nothing(fake: FakeWorld) -> None:
    promotion = await started(fake, "one", "step", "two")
    await fake.restart()
    before = (await fake.raw("Promotion", promotion))["metadata"]["resourceVersion"]
    await fake.later(minutes=1)
    assert (await fake.raw("Promotion", promotion))["metadata"]["resourceVersion"] == before
    await attest(fake, promotion)
    assert await fake.phase(promotion) == "Succeeded"


async def test_the_step_is_part_of_what_is_approved(fake: FakeWorld) -> None:
    promotion = await started(fake, "one", "step", environment="production")
    assert await fake.phase(promotion) == "Waiting"
    await fake.change("chg-1", "payments-1.0.0")
    other = [
        {"name": "one", "chart": fake.chart(), "values": {"greeting": "1"}},
        {"name": "step", "external": EXTERNAL | {"description": "Load other tariffs."}},
    ]
    await fake.change("chg-2", await fake.release("1.0.1", components=other))
    await fake.settle()
    digests = {(await fake.status("ChangeRequest", name))["planDigest"] for name in ("chg-1", "chg-2")}
    assert len(digests) == 2
    first, second = [await fake.status("Release", f"payments-{v}") for v in ("1.0.0", "1.0.1")]
    assert first["digest"] != second["digest"]
    await fake.approve("chg-1")
    await fake.settle()
    assert await steps(fake, promotion) == {"step": "Authorized"}
    await attest(fake, promotion)
    assert await fake.phase(promotion) == "Succeeded"
