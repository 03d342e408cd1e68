"""The self-test between the rounds, before Helm, and at what price."""

import asyncio
from datetime import timedelta

import pytest

from lockflight.admission.installed import installed
from lockflight.api.auditrecord import AuditAction, AuditRecord
from lockflight.policy.model import Namespace
from lockflight.ports import GoneError, PortError, RefusedError, UnreachableError
from lockflight.workflow import selftest
from lockflight.workflow.deps import Options
from tests.fakes import FakeAdmission, FakeClock
from tests.unit.workflow.deps import make_deps
from tests.workflow.world import PRODUCTION, ROOT, UAT, FakeWorld

SIGN_OFFS = "lockflight-people-promotions-signoffs"
APPROVALS = "lockflight-people-changerequests-approvals"
FOUR_EYES = "lockflight-four-eyes"
GUARD = "lockflight-guard"

BOUND = {"lockflight.dev/stack": "payments", "lockflight.dev/environment": "production"}


async def _approved(world: FakeWorld) -> str:
    """A promotion to production, approved, and nothing told about the approval yet."""
    await world.environment("production", PRODUCTION)
    release = await world.release("1.0.0")
    await world.change("chg-1", release)
    promotion = await world.promote(release, "production")
    await world.settle()
    await world.approve("chg-1")
    return promotion


async def test_right_before_helm_the_very_objects_are_forged(fake: FakeWorld) -> None:
    promotion = await _approved(fake)
    fake.admission.forged.clear()
    fake.admission.listed = 0
    fake.clock.advance(timedelta(seconds=2))
    await fake.settle()
    assert await fake.phase(promotion) == "Succeeded"
    tried = [(f.policy, f.kind, f.namespace, f.name) for f in fake.admission.forged]
    assert tried == [
        (SIGN_OFFS, "Promotion", "payments", promotion),
        (APPROVALS, "ChangeRequest", "payments", "chg-1"),
        (GUARD, "ConfigMap", "payments-production", ""),
    ]
    assert fake.admission.listed == 1


@pytest.mark.parametrize("policy", [SIGN_OFFS, APPROVALS, GUARD])
async def test_a_policy_that_lets_a_forgery_through_keeps_helm_from_starting(fake: FakeWorld, policy: str) -> None:
    promotion = await _approved(fake)
    fake.admission.let_through.add(policy)
    await fake.settle()
    assert fake.helm.calls == []
    assert await fake.gate(promotion, "Admission") == "PoliciesNotInForce"
    assert await fake.uses("chg-1") == []


@pytest.mark.parametrize(
    "problem",
    [RefusedError("promotions is forbidden: no RBAC"), GoneError("not found"), UnreachableError("no answer")],
)
async def test_a_probe_that_no_policy_judged_is_a_failure(fake: FakeWorld, problem: PortError) -> None:
    promotion = await _approved(fake)
    fake.admission.problem = problem
    fake.clock.advance(timedelta(seconds=2))
    await fake.settle()
    assert fake.helm.calls == []
    assert await fake.gate(promotion, "Admission") == "CannotTell"


async def test_below_uat_nothing_is_probed(fake: FakeWorld) -> None:
    await fake.environment("integration", {"tier": "Integration", "autoPromote": False})
    await fake.promote(await fake.release("1.0.0"), "integration")
    await fake.settle()
    assert (fake.admission.forged, fake.admission.listed) == ([], 0)


async def test_the_environment_says_whether_the_policies_hold(fake: FakeWorld) -> None:
    await fake.environment("uat", UAT)
    await fake.settle()
    fake.admission.let_through.add(FOUR_EYES)
    assert await selftest.round_(fake.process.deps)
    fake.process.listen()
    await fake.settle()
    rows = (await fake.status("Environment", "uat"))["conditions"]
    said = next(row for row in rows if row["type"] == "AdmissionInForce")
    assert (said["status"], said["reason"]) == ("False", "PoliciesNotInForce")
    assert FOUR_EYES in said["message"]


async def test_a_round_costs_one_listing_and_a_probe_for_each_guarded_stack_and_namespace(fake: FakeWorld) -> None:
    await fake.environment("uat", UAT)
    await fake.environment("production", PRODUCTION)
    await fake.environment("integration", {"tier": "Integration"})
    await fake.settle()
    fake.admission.forged.clear()
    fake.admission.listed = 0
    fake.clock.advance(timedelta(minutes=1))
    await selftest.round_(fake.process.deps)
    assert fake.admission.listed == 1
    assert [(f.policy, f.namespace, f.user) for f in fake.admission.forged] == [
        (FOUR_EYES, "payments", None),
        (GUARD, "payments-production", "lockflight:probe"),
        (GUARD, "payments-uat", "lockflight:probe"),
    ]


async def _probed(world: FakeWorld) -> list[str]:
    """The namespaces whose guard the round tried."""
    await world.settle()
    world.admission.forged.clear()
    await selftest.round_(world.process.deps)
    return [f.namespace for f in world.admission.forged if f.policy == GUARD]


async def test_a_namespace_that_lost_its_labels_is_probed_while_something_runs_there(fake: FakeWorld) -> None:
    await _approved(fake)
    await fake.settle()
    fake.cluster.namespaces["payments-production"] = Namespace("payments-production", {})
    assert await _probed(fake) == ["payments-production"]


@pytest.mark.parametrize(
    "namespace",
    [
        Namespace("payments-production", {**BOUND, "lockflight.dev/guard": "Audit"}),
        Namespace("payments-production", BOUND, terminating=True),
    ],
)
async def test_a_guard_that_only_reports_or_a_namespace_that_goes_is_not_probed(
    fake: FakeWorld, namespace: Namespace
) -> None:
    await fake.environment("production", PRODUCTION)
    fake.cluster.namespaces["payments-production"] = namespace
    assert await _probed(fake) == []


async def test_a_guard_that_fails_in_one_namespace_closes_the_stack_within_a_minute(fake: FakeWorld) -> None:
    await fake.environment("production", PRODUCTION)
    await fake.settle()
    fake.admission.let_through.add(GUARD)
    assert timedelta(minutes=1) >= selftest.EVERY
    assert await selftest.round_(fake.process.deps)
    (said,) = (await selftest.shown(fake.process.deps, "payments")).problems
    assert said == "a forged ConfigMap in payments-production was let through, not refused by policy lockflight-guard"


async def test_promotions_that_start_together_share_a_comparison(fake: FakeWorld) -> None:
    deps = fake.process.deps
    await asyncio.gather(*(selftest.shown(deps, f"stack-{n}") for n in range(5)))
    assert fake.admission.listed == 1
    fake.clock.advance(timedelta(seconds=2))
    await selftest.shown(deps, "stack-6")
    assert fake.admission.listed == 2


async def test_a_missing_policy_shows_and_its_return_too() -> None:
    admission = FakeAdmission()
    admission.objects = list(installed("system:serviceaccount:lockflight-system:lockflight"))
    clock = FakeClock()
    deps = make_deps(admission=admission, clock=clock, options=Options(root_namespace=ROOT, policies=installed))
    assert (await selftest.shown(deps, "payments")).problems == ()
    gone = admission.objects.pop()
    clock.advance(timedelta(minutes=1))
    await selftest.round_(deps)
    assert (await selftest.shown(deps, "payments")).problems == (
        f"{gone['kind']} {gone['metadata']['name']} is missing",
    )
    admission.objects.append(gone)
    clock.advance(timedelta(minutes=1))
    assert await selftest.round_(deps)
    assert (await selftest.shown(deps, "payments")).problems == ()


async def test_a_policy_that_was_tampered_with_is_in_the_audit_trail_once_while_it_stands(fake: FakeWorld) -> None:
    await fake.environment("uat", UAT)
    await fake.settle()
    deps = fake.process.deps

    async def sealed() -> list[tuple[str, str]]:
        records = [r for r in await fake.cluster.list("AuditRecord", ROOT) if isinstance(r, AuditRecord)]
        tampered = [r.spec for r in records if r.spec.action is AuditAction.POLICY_TAMPERED]
        return [(spec.stack, str(spec.facts["problem"])) for spec in tampered]

    fake.admission.let_through.add(FOUR_EYES)
    for _ in range(3):
        fake.clock.advance(timedelta(minutes=1))
        await selftest.round_(deps)
    ((stack, problem),) = await sealed()
    assert stack == "payments"
    assert FOUR_EYES in problem
    fake.admission.let_through.clear()
    await selftest.round_(deps)
    fake.admission.let_through.add(FOUR_EYES)
    fake.clock.advance(timedelta(minutes=1))
    await selftest.round_(deps)
    assert len(await sealed()) == 2
