"""What a bulk change is to each of its stacks, and what it is as a whole."""

from lockflight.api import reasons
from lockflight.api.changerequest import ChangePlan, ChangeRequest, StackRelease
from lockflight.api.conditions import condition
from lockflight.api.promotion import Outcome
from lockflight.policy import bulk
from lockflight.policy.approvals import excluded
from lockflight.policy.digest import change_digest
from tests.unit.policy.builders import (
    NOW,
    PLAN_DIGEST,
    ROOT,
    approval,
    change,
    digest,
    meta,
    release,
    use,
    verdict,
    world,
)

PLANS = (
    ChangePlan(environment="payments/production", digest=PLAN_DIGEST),
    ChangePlan(environment="ledger/production", digest=digest("ledger")),
)
WHOLE = change_digest(PLANS)


def made(
    *, approved: bool = True, generation: int = 1, by: tuple[str, ...] = ("alice@example", "bob@example")
) -> ChangeRequest:
    """A bulk change over two stacks, approved by two of the board."""
    rows = tuple(StackRelease(stack=name, name=f"{name}-2.4.0") for name in ("payments", "ledger"))
    one = change(approvals=[approval(who, plan_digest=WHOLE) for who in by])
    said = condition(reasons.APPROVED, approved, "Approved", "0/3 cab", generation=generation, now=NOW)
    status = one.status.model_copy(update={"plans": PLANS, "plan_digest": WHOLE, "conditions": (said,)})
    spec = one.spec.model_copy(update={"release_ref": None, "releases": rows})
    metadata = one.metadata.model_validate(meta("cve", ROOT))
    return one.model_copy(update={"metadata": metadata, "spec": spec, "status": status})


def judged(whole: ChangeRequest) -> tuple[Outcome, str]:
    mine = bulk.part(whole, "payments")
    assert mine is not None
    found = verdict(reasons.CHANGE_CONTROL, world(changes=(mine,), whole=whole))
    return found.outcome, found.reason


def test_the_whole_has_a_target_for_each_stack_and_environment() -> None:
    assert bulk.widened(made()).spec.environments == ("payments/production", "ledger/production")
    assert bulk.widened(change()) == change()


def test_a_part_bears_plain_names_and_the_identity_of_the_whole() -> None:
    whole = made()
    uses = (use("a", environment="ledger/production"), use("b", environment="payments/production"))
    whole = whole.model_copy(update={"status": whole.status.model_copy(update={"used_by": uses})})
    mine = bulk.part(whole, "ledger")
    assert mine is not None
    assert mine.spec.release == "ledger-2.4.0"
    assert [(plan.environment, plan.digest) for plan in mine.status.plans] == [("production", digest("ledger"))]
    assert [(row.environment, row.promotion_uid) for row in mine.status.used_by] == [("production", "a")]
    assert (mine.metadata, mine.status.plan_digest) == (whole.metadata, WHOLE)
    assert bulk.part(whole, "fx") is None
    assert bulk.part(change(), "fx") == change()


def test_each_stack_counts_the_approvals_of_the_whole() -> None:
    assert judged(made()) == (Outcome.PASSED, reasons.PASSED)
    assert judged(made(by=("alice@example",)))[1] == reasons.APPROVALS_MISSING
    assert judged(made(by=("alice@example", "ann@example")))[1] == reasons.APPROVALS_MISSING


def test_what_lacks_approvals_for_another_stack_lacks_them_here() -> None:
    assert judged(made(approved=False))[1] == reasons.APPROVALS_MISSING
    # A word about another generation says nothing.
    assert judged(made(generation=2))[1] == reasons.APPROVALS_MISSING


def test_a_plan_of_another_stack_that_changed_binds_here() -> None:
    whole = made()
    other = (PLANS[0], PLANS[1].model_copy(update={"digest": digest("other")}))
    whole = whole.model_copy(update={"status": whole.status.model_copy(update={"plans": other})})
    assert judged(whole)[1] == reasons.PLAN_CHANGED


def test_a_part_without_its_whole_permits_nothing() -> None:
    mine = bulk.part(made(), "payments")
    assert mine is not None
    assert verdict(reasons.CHANGE_CONTROL, world(changes=(mine,))).reason == reasons.PLAN_CHANGED


def test_nobody_who_brought_any_of_the_releases_approves() -> None:
    other = release(source={"authors": ["Lea <lea@example>"]}, creator="robot-2")
    barred = excluded(made(), bulk.put_together(made(), [release(), other]))
    assert {"ann@example", "lea@example", "robot-2", "ci-robot@example"} <= barred.keys()


def test_a_promotion_names_it_with_its_namespace() -> None:
    assert bulk.called(made(), "payments") == f"{ROOT}/cve"
    assert bulk.called(change(), "payments") == "chg-1042"
