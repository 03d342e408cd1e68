"""A hotfix that production had must come back into development by a date, and who looks sees whether it has."""

from datetime import datetime
from typing import Any

import pytest

from lockflight.api import reasons
from lockflight.api.release import BackMerge, Passage, Release
from lockflight.policy.backmerge import back_merge, back_merged, counted
from tests.unit.policy.builders import NOW, calendar, hours, passage, release

RULE = {"hotfix": {"tiers": ["UAT", "Production"], "approvals": [{"role": "cab"}], "backMergeWithin": "72h"}}
IN_PRODUCTION = passage("production", "payments-2.3.2")
SINCE = NOW - hours(48)


def fix(*rows: Passage, known: BackMerge | None = None, **spec: Any) -> Release:
    made = release("2.3.2", passed=rows or (IN_PRODUCTION,), type="Hotfix", basedOn={"name": "payments-2.3.1"}, **spec)
    return made.model_copy(update={"status": made.status.model_copy(update={"back_merge": known})})


def judge(made: Release, *others: Release, **spec: Any) -> BackMerge | None:
    known = {r.metadata.name: r for r in (made, *others)}
    return back_merge(made, {"production": calendar(**(spec or RULE))}, known)


def test_the_deadline_runs_from_when_production_had_it() -> None:
    assert judge(fix()) == BackMerge(since=SINCE, due_by=SINCE + hours(72), calendar="payments/four-weekly")


def test_without_production_there_is_none_and_without_a_calendar_no_date() -> None:
    assert judge(fix(passage("uat", "payments-2.3.2"))) is None
    assert judge(fix(passage("production", "payments-2.3.2", verified_at=None, signed_off_at=None))) is None
    assert judge(release("2.4.0", passed=(passage("production", "payments-2.4.0"),))) is None
    assert back_merge(fix(), {"production": None}, {}) == BackMerge(since=SINCE)


def test_what_the_calendar_leaves_out_is_five_days() -> None:
    found = judge(fix(), hotfix={key: value for key, value in RULE["hotfix"].items() if key != "backMergeWithin"})
    assert found
    assert found.due_by == SINCE + hours(120)


def test_a_changed_calendar_moves_no_deadline() -> None:
    known = BackMerge(since=SINCE, due_by=NOW + hours(1))
    assert judge(fix(known=known)) == known


@pytest.mark.parametrize(
    ("version", "spec", "merged"),
    [
        ("2.4.0", {"includes": ["payments-2.3.2"]}, True),
        ("2.4.0", {"includes": ["payments-2.3.3"]}, True),
        ("2.4.0", {}, False),
        ("2.2.0", {"includes": ["payments-2.3.2"]}, False),
        ("2.3.3", {"type": "Hotfix", "basedOn": {"name": "payments-2.3.2"}}, False),
        ("2.3.2+cfg.1", {"type": "Config", "basedOn": {"name": "payments-2.3.2"}}, False),
    ],
)
def test_a_scheduled_release_that_contains_it_ends_it(version: str, spec: dict[str, Any], merged: bool) -> None:
    second = release("2.3.3", type="Hotfix", basedOn={"name": "payments-2.3.2"})
    found = judge(fix(), second, release(version, **spec))
    assert found is not None
    assert (found.merged_by is not None) is merged


def test_once_it_was_merged_it_stays_so() -> None:
    known = BackMerge(since=SINCE, due_by=SINCE, merged_by="payments-2.4.0")
    assert judge(fix(known=known)) == known


@pytest.mark.parametrize(
    ("known", "now", "status", "reason"),
    [
        (BackMerge(since=SINCE, due_by=NOW), NOW - hours(1), "False", reasons.BACK_MERGE_DUE),
        (BackMerge(since=SINCE, due_by=NOW), NOW, "False", reasons.BACK_MERGE_OVERDUE),
        (BackMerge(since=SINCE), NOW + hours(9999), "False", reasons.BACK_MERGE_DUE),
        (BackMerge(since=SINCE, due_by=NOW, merged_by="payments-2.4.0"), NOW, "True", reasons.MERGED),
    ],
)
def test_the_condition_says_where_it_stands(known: BackMerge, now: datetime, status: str, reason: str) -> None:
    found = back_merged(fix(known=known), now)
    assert found is not None
    assert (found.status, found.reason) == (status, reason)
    assert back_merged(release(), now) is None


def test_a_calendar_counts_its_own_and_names_those_that_did_not_come_back() -> None:
    mine, other = "payments/four-weekly", "payments/quarterly"
    merged = fix(known=BackMerge(since=SINCE, calendar=mine, merged_by="payments-2.4.0"))
    late = fix(known=BackMerge(since=SINCE, calendar=mine, due_by=NOW))
    found = counted(calendar(), [release(), fix(), merged, late, fix(known=BackMerge(since=SINCE, calendar=other))])
    assert found is not None
    assert (found.count, found.not_merged) == (2, ("payments/payments-2.3.2",))
    assert counted(calendar(), [release()]) is None
