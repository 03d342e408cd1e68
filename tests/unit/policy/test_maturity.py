"""What the trains carried, and whether that speaks for a faster cadence."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from lockflight.api.promotion import Phase, Promotion, VerificationStatus
from lockflight.api.release import Release
from lockflight.policy.cadence.calendar import trains
from lockflight.policy.cadence.maturity import OUTSIDE, Maturity, Thresholds, maturity
from tests.unit.policy.builders import calendar, change, hours, promotion, release

TRAINS = [trains(calendar()).train(index) for index in range(3)]
PASSED = VerificationStatus(name="smoke", state="Passed")


def went(
    version: str,
    at: datetime,
    *,
    phase: Phase = Phase.SUCCEEDED,
    checks: int = 1,
    under: str | None = None,
    **given: Any,
) -> Promotion:
    """A promotion of that version which began then."""
    to = given.get("to", "production")
    made = promotion(
        f"{version}-{to}-{at:%m%d%H}", release_name=f"payments-{version}", phase=phase, started=at,
        deployed=at + hours(1), **given,
    )  # fmt: skip
    status = made.status.model_copy(update={"change": under, "verification": (PASSED,) * checks})
    return made.model_copy(update={"status": status})


def made(version: str, at: datetime) -> Release:
    found = release(version)
    return found.model_copy(update={"metadata": found.metadata.model_copy(update={"creation_timestamp": at})})


def judge(*promotions: Promotion, changes: Any = (), releases: Any = (), **limits: Any) -> Maturity:
    return maturity(
        TRAINS,
        promotions,
        {r.metadata.name: r for r in releases},
        {c.metadata.name: c for c in changes},
        ["production"],
        Thresholds(**limits),
    )


def on(index: int, after: float = 0) -> datetime:
    return TRAINS[index].production + hours(after)


GOOD = [went(f"2.{index}.0", on(index)) for index in range(3)]


def test_three_trains_that_went_well_speak_for_a_faster_cadence() -> None:
    found = judge(*GOOD)
    assert (found.ready, found.against) == (True, ())
    assert [(row.train, row.deployments) for row in found.trains] == [
        ("2026.12", 1), ("2026.13", 1), ("2027.01", 1), (OUTSIDE, 0),
    ]  # fmt: skip
    assert (found.total.change_failure_rate, found.total.automated_share) == (0.0, 1.0)


@pytest.mark.parametrize(
    ("promotions", "changes", "against"),
    [
        (GOOD[:2], (), "2 train(s) with deployments (at least 3 tell something)"),
        ([*GOOD, went("2.0.1", on(0, 2), phase=Phase.FAILED)], (), "change-failure rate 25% (at most 15%)"),
        ([*GOOD, went("2.0.1", on(0, 2), phase=Phase.ROLLED_BACK)], (), "change-failure rate 25% (at most 15%)"),
        (
            [*GOOD, went("2.0.1", on(1, -90), under="chg-e")],
            [change("chg-e", type="Emergency")],
            "emergency share 25% (at most 10%)",
        ),
        ([*GOOD, went("2.0.0", on(0, -20), to="uat", checks=0)], (), "automated share 75% (at least 80%)"),
    ],
)
def test_what_went_wrong_speaks_against_it(promotions: list[Promotion], changes: Any, against: str) -> None:
    found = judge(*promotions, changes=changes)
    assert (found.ready, found.against) == (False, (against,))


def test_without_deployments_nothing_is_known() -> None:
    found = judge()
    assert found.against == (
        "0 train(s) with deployments (at least 3 tell something)", "automated share unknown (at least 80%)",
    )  # fmt: skip
    assert (found.total.change_failure_rate, found.total.emergency_share, found.total.lead_time) == (None, None, None)


def test_what_was_taken_back_afterwards_under_its_change_has_failed() -> None:
    there, back = went("2.0.0", on(0), under="chg"), went("1.9.0", on(0, 5), under="chg", action="Rollback")
    assert judge(there, back, changes=[change("chg")]).total.failed == 1
    other = went("1.9.0", on(0, 5), under="chg-2", action="Rollback")
    assert judge(there, other).total.failed == 0


@pytest.mark.parametrize(
    ("at", "train"),
    [
        (TRAINS[0].production, "2026.12"),
        (TRAINS[0].until - timedelta(seconds=1), "2026.12"),
        (TRAINS[0].until, OUTSIDE),
        (TRAINS[1].production, "2026.13"),
    ],
)
def test_a_deployment_belongs_to_the_train_in_whose_time_it_began(at: datetime, train: str) -> None:
    assert [row.train for row in judge(went("2.0.0", at)).trains if row.deployments] == [train]


def test_what_never_began_and_what_came_before_is_not_counted() -> None:
    waiting = promotion("waits", release_name="payments-2.0.0")
    assert judge(waiting, went("1.0.0", TRAINS[0].production - hours(1))).total.deployments == 0


def test_lead_time_runs_from_the_release_to_production_and_the_median_is_told() -> None:
    releases = [made(f"2.{index}.0", on(index) - timedelta(days=days)) for index, days in enumerate((1, 3, 20))]
    found = judge(*GOOD, releases=releases)
    assert found.total.lead_time == timedelta(days=3, hours=1)


def test_the_thresholds_are_the_callers() -> None:
    assert judge(GOOD[0], trains=1).ready
    assert not judge(*GOOD, went("2.0.1", on(0, 2), phase=Phase.FAILED), automated_share=0.5).ready
    assert judge(
        *GOOD, went("2.0.1", on(0, 2), phase=Phase.FAILED), change_failure_rate=0.25, automated_share=0.5
    ).ready
