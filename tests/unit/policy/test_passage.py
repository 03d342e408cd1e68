"""Proofs of passing, stays, targets and automatic promotion: what is folded from promotions."""

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lockflight.api.common import parse_duration
from lockflight.api.environment import Environment
from lockflight.api.promotion import Phase, Promotion
from lockflight.api.release import Passage, Release
from lockflight.policy.auto import automatic, promotion_name
from lockflight.policy.effective import effective
from lockflight.policy.passage import passages
from lockflight.policy.targets import targets
from tests.unit.policy.builders import (
    FIVE,
    IMAGE,
    NOW,
    OTHER_IMAGE,
    digest,
    environment,
    hours,
    passage,
    promotion,
    release,
)

UAT = FIVE[3]
OURS = "payments-2.4.0"
OTHER = "payments-2.5.0"


def ran(
    start: float, release_name: str = OURS, phase: Phase = Phase.SUCCEEDED, name: str | None = None, **given: Any
) -> Promotion:
    """A promotion into UAT that began ``start`` hours before NOW, was verified after 6 minutes, ended after 12."""
    verified = phase not in (Phase.DEPLOYING, Phase.VERIFYING, Phase.FAILED, Phase.ROLLED_BACK)
    ended = phase.final
    return promotion(
        name or f"{release_name}-{start}",
        release_name=release_name,
        to="uat",
        phase=phase,
        started=NOW - hours(start),
        **{
            "deployed": NOW - hours(start - 0.05),
            "verified": NOW - hours(start - 0.1) if verified else None,
            "finished": NOW - hours(start - 0.2) if ended else None,
            **given,
        },
    )


def fold(
    *promotions: Promotion, old: Sequence[Passage] = (), where: Environment | None = UAT, made: Release | None = None
) -> tuple[Passage, ...]:
    environments = {where.metadata.name: where} if where else {}
    return passages(old, made or release(passed=()), promotions, environments, NOW)


def row(*promotions: Promotion, **given: Any) -> Passage:
    (only,) = fold(*promotions, **given)
    return only


def test_a_promotion_that_succeeded_is_a_proof_of_passing() -> None:
    found = row(ran(30))
    assert (found.name, found.environment_uid, found.digest) == ("uat", UAT.metadata.uid, digest(OURS))
    assert (found.verified_at, found.signed_off_at) == (NOW - hours(29.9), NOW - hours(29.8))
    assert (found.running_since, found.images) == (NOW - hours(29.9), (IMAGE,))


@pytest.mark.parametrize("first", [Phase.AWAITING_SIGN_OFF, Phase.REJECTED, Phase.SUPERSEDED])
def test_going_back_to_what_nobody_signed_off_is_no_sign_off(first: Phase) -> None:
    rejected = ran(30, phase=first)
    found = row(rejected, ran(20, name="back", action="Rollback"))
    assert (found.verified_at, found.signed_off_at) == (NOW - hours(19.9), None)
    assert found.promotion_uid == rejected.metadata.uid


def test_going_back_to_what_was_signed_off_keeps_the_sign_off() -> None:
    found = row(ran(30), ran(25, OTHER), ran(20, name="back", action="Rollback"))
    assert (found.deployed_at, found.signed_off_at) == (NOW - hours(19.95), NOW - hours(29.8))


@pytest.mark.parametrize(
    ("phase", "deployed", "verified", "signed"),
    [
        (Phase.DEPLOYING, True, False, False),
        (Phase.VERIFYING, True, False, False),
        (Phase.AWAITING_SIGN_OFF, True, True, False),
        (Phase.SUCCEEDED, True, True, True),
        (Phase.REJECTED, True, True, False),
        (Phase.SUPERSEDED, True, True, False),
        (Phase.ABORTED, True, True, False),
        (Phase.ROLLED_BACK, True, False, False),
        (Phase.FAILED, True, False, False),
    ],
)
def test_only_success_is_signed_off(phase: Phase, deployed: bool, verified: bool, signed: bool) -> None:
    found = row(ran(10, phase=phase))
    assert (found.deployed_at is not None, found.verified_at is not None, found.signed_off_at is not None) == (
        deployed,
        verified,
        signed,
    )


def test_a_promotion_that_never_began_leaves_no_trace() -> None:
    assert fold(promotion(to="uat")) == ()


def test_another_digest_under_the_same_name_is_another_release() -> None:
    assert fold(ran(10, release_digest=digest("before it was deleted"))) == ()


def test_proofs_outlive_their_promotions() -> None:
    before = row(ran(30))
    assert fold(old=[before]) == (before,)


def test_folding_again_changes_nothing() -> None:
    promotions = (ran(30), ran(20, OTHER), ran(10))
    once = fold(*promotions)
    assert fold(*promotions, old=once) == once


def test_a_proof_given_in_a_deleted_environment_is_not_taken_over() -> None:
    again = environment("uat", "UAT")
    again = again.model_copy(
        update={"metadata": again.metadata.model_copy(update={"uid": "uid-new", "creation_timestamp": NOW - hours(1)})}
    )
    assert fold(ran(30), old=[row(ran(30))], where=again) == ()
    assert fold(old=[row(ran(30))], where=None) == (row(ran(30)),)


def test_a_rejected_sign_off_takes_the_proof_back() -> None:
    assert row(ran(30), ran(10, phase=Phase.REJECTED, name="again")).signed_off_at is None


def test_a_later_failure_of_the_same_release_leaves_the_proof() -> None:
    found = row(ran(30), ran(10, phase=Phase.ROLLED_BACK, name="again"))
    assert found.signed_off_at == NOW - hours(29.8)


def test_images_of_what_was_never_signed_off_are_not_in_the_proof() -> None:
    swapped = ran(10, phase=Phase.AWAITING_SIGN_OFF, name="swapped", images=(OTHER_IMAGE,))
    assert row(ran(30), swapped).images == (IMAGE,)
    failed = ran(10, phase=Phase.ROLLED_BACK, name="failed", images=(OTHER_IMAGE,))
    assert row(ran(30), failed).images == (IMAGE,)
    signed = ran(10, name="signed", images=(OTHER_IMAGE,))
    assert row(ran(30), signed).images == (OTHER_IMAGE,)


@pytest.mark.parametrize(
    ("others", "since", "longest"),
    [
        ((), 29.9, "0s"),
        ((ran(10, OTHER),), None, "19h54m"),
        ((ran(10, OTHER, Phase.DEPLOYING),), None, "19h54m"),
        ((ran(10, OTHER, Phase.FAILED),), None, "19h54m"),
        ((ran(10, OTHER, Phase.FAILED, deployed=None),), None, "19h54m"),
        ((ran(10, OTHER, Phase.ROLLED_BACK),), 9.8, "19h54m"),
        ((ran(10, OTHER, Phase.ABORTED, verified=None, remediation="Rollback"),), 9.8, "19h54m"),
        ((ran(10, OTHER, Phase.ABORTED, verified=None, remediation="Hold"),), None, "19h54m"),
        ((ran(10, OTHER), ran(5, name="back", action="Rollback")), 4.9, "19h54m"),
        ((ran(28, OTHER), ran(25, name="again")), 24.9, "1h54m"),
        ((ran(40, OTHER),), 29.9, "0s"),
    ],
)
def test_a_stay_ends_when_something_else_is_brought_and_the_longest_is_kept(
    others: tuple[Promotion, ...], since: float | None, longest: str
) -> None:
    found = row(ran(30), *others)
    assert found.running_since == (NOW - hours(since) if since is not None else None)
    assert found.longest_soak == longest


def test_the_longest_stay_is_kept_when_later_ones_are_shorter() -> None:
    found = row(ran(30), ran(20, OTHER), ran(10, name="again"), ran(9, OTHER, name="once more"))
    assert found.longest_soak == "9h54m"


steps = st.dictionaries(
    st.integers(1, 200),
    st.tuples(st.sampled_from([OURS, OTHER]), st.sampled_from([phase for phase in Phase if phase.final])),
    max_size=8,
)


@given(steps)
def test_folding_one_by_one_proves_what_folding_at_once_does(history_: dict[int, tuple[str, Phase]]) -> None:
    history = [ran(start, *history_[start], name=f"p{start}") for start in sorted(history_, reverse=True)]
    rows: tuple[Passage, ...] = ()
    for count in range(len(history) + 1):
        rows = fold(*history[:count], old=rows)
    at_once = fold(*history)
    assert [r.name for r in rows] == [r.name for r in at_once]
    for step_by_step, whole in zip(rows, at_once, strict=True):
        assert step_by_step.running_since == whole.running_since
        assert step_by_step.signed_off_at == whole.signed_off_at
        assert parse_duration(step_by_step.longest_soak) == parse_duration(whole.longest_soak)


RELEASES = {name: release(name.removeprefix("payments-"), passed=()) for name in (OURS, OTHER)}


def test_a_target_shows_the_newest_that_left_something_there() -> None:
    (found,) = targets((), [ran(30), ran(10, OTHER)], RELEASES)
    assert (found.release, found.version, found.state) == (OTHER, "2.5.0", "Succeeded")


@pytest.mark.parametrize(
    ("phase", "shown"),
    [(Phase.ROLLED_BACK, OURS), (Phase.FAILED, OTHER), (Phase.AWAITING_SIGN_OFF, OTHER), (Phase.ABORTED, OTHER)],
)
def test_what_was_taken_back_does_not_run(phase: Phase, shown: str) -> None:
    (found,) = targets((), [ran(30), ran(10, OTHER, phase)], RELEASES)
    assert found.release == shown


def test_an_aborted_deployment_that_was_taken_back_does_not_run() -> None:
    back = ran(10, OTHER, Phase.ABORTED, verified=None, remediation="Rollback")
    (found,) = targets((), [ran(30), back], RELEASES)
    assert found.release == OURS


def test_one_that_was_aborted_while_others_verified_it_stays() -> None:
    (found,) = targets((), [ran(30), ran(10, OTHER, Phase.ABORTED, verified=None)], RELEASES)
    assert found.release == OTHER


def test_a_target_survives_promotion_and_release() -> None:
    rows = targets((), [ran(30)], RELEASES)
    assert targets(rows, [], {}) == rows


def wanted(
    made: Release,
    promotions: Sequence[Promotion] = (),
    stack: Sequence[Environment] = FIVE,
    releases: Sequence[Release] = (),
) -> list[str]:
    governed = {e.metadata.name: effective(e, None, stack) for e in stack}
    uids = {e.metadata.name: e.metadata.uid for e in stack}
    found = automatic(made, governed, uids, promotions, (*releases, made))
    return [row.environment for row in found]


def test_below_uat_a_release_promotes_itself_as_far_as_it_passed() -> None:
    assert wanted(release(passed=())) == ["integration", "local"]
    assert wanted(release(passed=(passage("integration"),))) == ["local", "system-test"]
    assert wanted(release(passed=(passage("integration", signed_off_at=None),))) == ["local"]
    assert wanted(release(passed=(passage("integration", environment_uid="old"),))) == ["integration", "local"]
    assert wanted(release(passed=(passage("integration", digest=digest("x")),))) == ["integration", "local"]
    assert "uat" not in wanted(release(passed=(passage("system-test"),)))


def test_where_it_was_already_it_is_not_brought_again_though_its_promotion_was_pruned() -> None:
    assert "integration" not in wanted(release(passed=(passage("integration"),)), promotions=())


def test_passing_a_local_environment_promotes_nothing() -> None:
    stack = (FIVE[0], environment("integration", "Integration", promotesFrom=["local"]))
    assert wanted(release(passed=(passage("local"),)), stack=stack) == []


def test_any_of_the_upstream_environments_is_enough_where_the_environment_says_so() -> None:
    def stack(require: str) -> tuple[Environment, ...]:
        return (
            *FIVE[:2],
            environment("b", "Integration"),
            environment("c", "SystemTest", promotesFrom=["integration", "b"], require=require),
        )

    made = release(passed=(passage("b"),))
    assert "c" in wanted(made, stack=stack("Any"))
    assert "c" not in wanted(made, stack=stack("All"))
    assert wanted(release(passed=()), stack=(environment("d", "Integration", promotesFrom=[], require="Any"),)) == ["d"]


@pytest.mark.parametrize("phase", [Phase.WAITING, Phase.SUCCEEDED, Phase.REJECTED, Phase.FAILED, None])
def test_it_is_tried_once_whatever_became_of_it(phase: Phase | None) -> None:
    tried = promotion("by-hand", to="integration", phase=phase)
    assert wanted(release(passed=()), [tried]) == ["local"]


def test_a_lower_version_does_not_follow_a_higher_one() -> None:
    higher = release("2.5.0", passed=())
    there = promotion(release_name=OTHER, to="integration", phase=Phase.WAITING)
    assert wanted(release(passed=()), [there], releases=[higher]) == ["local"]
    gone = promotion(release_name=OTHER, to="integration", phase=Phase.ROLLED_BACK)
    assert wanted(release(passed=()), [gone], releases=[higher]) == ["integration", "local"]


def test_a_held_release_and_one_without_digest_promote_nothing() -> None:
    assert wanted(release(passed=(), hold={"reason": "triage"})) == []
    bare = release(passed=())
    bare = bare.model_copy(update={"status": bare.status.model_copy(update={"digest": None})})
    assert wanted(bare) == []


def test_an_environment_that_is_not_governed_asks_for_nothing() -> None:
    broken = environment("integration", "Integration", promotesFrom=["nowhere"])
    assert wanted(release(passed=()), stack=(broken,)) == []


def test_a_promotion_is_named_after_release_and_environment_and_fits() -> None:
    assert promotion_name(OURS, "uat") == "payments-2.4.0-uat"
    long = promotion_name("r" * 250, "integration")
    assert len(long) <= 253
    assert long != promotion_name("r" * 250, "system-test")


def test_what_a_person_holds_or_retired_asks_for_nothing() -> None:
    held = (environment("integration", "Integration", hold={"reason": "incident"}),)
    part = (environment("integration", "Integration", applications={"payments": {"hold": {"reason": "triage"}}}),)
    other = (environment("integration", "Integration", applications={"ledger": {"hold": {"reason": "triage"}}}),)
    retired = (environment("integration", "Integration", retired=True),)
    assert [wanted(release(passed=()), stack=stack) for stack in (held, part, retired)] == [[], [], []]
    assert wanted(release(passed=()), stack=other) == ["integration"]


def test_a_lower_version_does_not_follow_a_higher_one_whose_promotions_were_pruned_or_that_was_removed() -> None:
    higher = release("2.5.0", passed=(passage("integration", OTHER),))
    assert wanted(release(passed=()), releases=[higher]) == ["local"]


ENDS = st.sampled_from([phase for phase in Phase if phase.final])
VERSIONS = ("2.3.0", "2.4.0", "2.5.0")


@given(st.lists(st.tuples(st.sampled_from(VERSIONS), ENDS, st.booleans()), max_size=24))
def test_whatever_becomes_of_them_each_release_is_tried_once_and_versions_only_rise(
    steps: list[tuple[str, Phase, bool]],
) -> None:
    """Every order in which releases are looked at, every end of an attempt, every pruning that is allowed."""
    stack = (environment("integration", "Integration"),)
    proofs: dict[str, tuple[Passage, ...]] = {}
    there: list[Promotion] = []
    tried: list[str] = []
    for version, end, prune in steps:
        made = {v: release(v, passed=proofs.get(v, ())) for v in VERSIONS}
        if wanted(made[version], there, stack, [r for v, r in made.items() if v != version]):
            name = f"payments-{version}"
            tried.append(version)
            there.append(promotion(f"{name}-{len(tried)}", release_name=name, to="integration", phase=end))
            if end is Phase.SUCCEEDED:
                proofs[version] = (passage("integration", name),)
        if prune and there and there[0].status.phase is Phase.SUCCEEDED:
            # Its proof stays on the release.
            there.pop(0)
    assert len(tried) == len(set(tried))
    reached = [v for v in tried if v in proofs]
    assert reached == sorted(reached)
