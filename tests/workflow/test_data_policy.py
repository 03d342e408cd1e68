"""Data that may not be in an environment keeps a release out of it, until the very last moment."""

from datetime import timedelta

import pytest

from lockflight.policy.facts import Ref
from lockflight.ports import RefusedError
from tests.workflow.world import INTEGRATION, FakeWorld

HERE = ("payments-integration", Ref("v1", "Secret", "ledger"))
LABEL = "lockflight.dev/data-class"
REFERS = {"app": {"envFrom": [{"secretRef": {"name": "ledger"}}]}}


@pytest.fixture
async def fake() -> FakeWorld:
    world = FakeWorld()
    await world.environment("integration", INTEGRATION)
    return world


async def test_it_waits_for_other_data_and_goes_on_by_itself(fake: FakeWorld) -> None:
    fake.cluster.labelled[HERE] = {LABEL: "Production"}
    promotion = await fake.promote(await fake.release("1.0.0", values=REFERS), "integration")
    await fake.settle()
    assert await fake.gate(promotion, "DataPolicy") == "DataLabelNotAllowed"
    assert "Secret ledger (Deployment payments-app, spec.template.spec.containers[app]." in await fake.said(promotion)

    fake.cluster.labelled[HERE] = {LABEL: "Anonymised"}
    await fake.later(seconds=31)
    assert await fake.phase(promotion) == "Succeeded"


async def test_a_label_that_changed_since_it_was_shown_is_seen_right_before_helm(fake: FakeWorld) -> None:
    fake.cluster.labelled[HERE] = {LABEL: "Anonymised"}
    await fake.freeze()
    promotion = await fake.promote(await fake.release("1.0.0", values=REFERS), "integration")
    await fake.settle()
    assert await fake.gate(promotion, "DataPolicy") == "Passed"

    fake.cluster.labelled[HERE] = {LABEL: "Production"}
    await fake.edit("FreezeWindow", "stop", lift={"reason": "done"})
    fake.clock.advance(timedelta(seconds=1))
    await fake.settle()
    assert await fake.gate(promotion, "DataPolicy") == "DataLabelNotAllowed"
    assert await fake.running("integration") == {}


async def test_what_the_deployer_may_not_read_is_closed_and_says_what_to_do(fake: FakeWorld) -> None:
    fake.cluster.refused["labels", "Secret"] = RefusedError("secrets is forbidden")
    promotion = await fake.promote(await fake.release("1.0.0", values=REFERS), "integration")
    await fake.settle()
    assert await fake.gate(promotion, "DataPolicy") == "CannotTell"
    assert "give lockflight:deployer:payments-integration get and list on Secrets" in await fake.said(promotion)


async def test_what_refers_to_nothing_costs_no_request(fake: FakeWorld) -> None:
    promotion = await fake.promote(await fake.release("1.0.0"), "integration")
    await fake.settle()
    assert await fake.phase(promotion) == "Succeeded"
    assert [r for r in fake.cluster.requests if r[0] == "labels"] == []


async def test_what_a_verification_works_with_counts_too(fake: FakeWorld) -> None:
    container = {"name": "check", "image": "registry.example/check:1", "envFrom": [{"secretRef": {"name": "ledger"}}]}
    template = {"spec": {"template": {"spec": {"containers": [container]}}}}
    await fake.edit(
        "Environment", "integration", exit={"verification": [{"name": "books", "job": {"template": template}}]}
    )
    fake.cluster.labelled[HERE] = {LABEL: "Production"}
    promotion = await fake.promote(await fake.release("1.0.0"), "integration")
    await fake.settle()
    assert await fake.gate(promotion, "DataPolicy") == "DataLabelNotAllowed"
    assert "Secret ledger (Job books, spec.template.spec.containers[check]" in await fake.said(promotion)
