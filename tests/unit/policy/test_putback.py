"""When drift is put back, and what keeps it."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from lockflight.api.changerequest import ChangeRequest
from lockflight.api.drift import DriftMode, DriftStatus
from lockflight.api.environment import TargetStatus
from lockflight.policy.drift import Drift
from lockflight.policy.putback import CALM, MOST_TRIES, asked_for, keeps, over
from tests.unit.policy.builders import NOW, change

DIGEST, OTHER = "sha256:" + "a" * 64, "sha256:" + "b" * 64
FIVE = timedelta(minutes=5)
TARGET = TargetStatus.model_validate(
    {
        "application": "payments",
        "namespace": "payments-production",
        "release": "payments-2.3.1",
        "version": "2.3.1",
        "digest": DIGEST,
        "planDigest": DIGEST,
        "promotionUID": "p1",
        "promotion": "payments-2.3.1-production",
        "state": "Succeeded",
        "deployedAt": "2026-11-24T10:00:00Z",
    }
)
DRIFT = Drift(digest=DIGEST, back=(("payments-api", 3),))


def row(tries: int | None = None, ago: timedelta = timedelta(hours=1), uid: str = "p1", **more: Any) -> DriftStatus:
    done = None if tries is None else {"tries": tries, "lastAt": NOW - ago, "promotionUID": uid}
    found = {
        "application": "payments",
        "namespace": "payments-production",
        "state": "Drifted",
        "digest": DIGEST,
        "since": NOW,
        "putBack": done,
    }
    return DriftStatus.model_validate({**found, **more})


@pytest.mark.parametrize(
    ("found", "drift", "glass", "said"),
    [
        (row(), DRIFT, False, None),
        (row(1), DRIFT, False, None),
        (row(1, ago=timedelta(minutes=4)), DRIFT, False, ""),
        (row(MOST_TRIES), DRIFT, False, "put back 3 times"),
        (row(MOST_TRIES, uid="p0"), DRIFT, False, None),
        (row(), DRIFT, True, "the glass of the namespace is broken"),
        (
            row(),
            replace(DRIFT, lost=("payments-api",)),
            False,
            "Helm has lost payments-api as promoted",
        ),
        (row(), replace(DRIFT, back=()), False, "promote payments-2.3.1 once more"),
    ],
)
def test_what_keeps_it(found: DriftStatus, drift: Drift, said: str | None, *, glass: bool) -> None:
    why = keeps(found, TARGET, drift, FIVE, NOW, glass=glass)
    assert (why is None) == (said is None)
    assert (said or "") in (why or "")


def test_who_goes_on_writing_is_named() -> None:
    fields = [{"path": "/spec/replicas", "what": "is 5, promoted was 3", "manager": "some-autoscaler"}]
    found = row(MOST_TRIES, objects=[{"kind": "Deployment", "name": "payments", "fields": fields}])
    assert "field manager some-autoscaler goes on writing it" in (
        keeps(found, TARGET, DRIFT, FIVE, NOW, glass=False) or ""
    )


def record(drift: str | None, phase: str = "Review") -> ChangeRequest:
    made = change()
    asked = made.spec.model_validate({**made.spec.dump(), "putBack": {"drift": drift}} if drift else made.spec.dump())
    status = made.status.model_validate({**made.status.dump(), "phase": phase})
    return made.model_copy(update={"spec": asked, "status": status})


@pytest.mark.parametrize(
    ("mode", "found", "asked", "wanted"),
    [
        (DriftMode.CORRECT, row(), None, True),
        (DriftMode.DETECT, row(), None, False),
        (DriftMode.DETECT, row(), record(DIGEST), True),
        (DriftMode.DETECT, row(), record(OTHER), False),
        (DriftMode.DETECT, row(), record(None), False),
        (DriftMode.DETECT, row(), record(DIGEST, "Closed"), False),
        (DriftMode.CORRECT, row(state="Unchanged", digest=None), None, False),
    ],
)
def test_who_wants_it(mode: DriftMode, found: DriftStatus, asked: ChangeRequest | None, *, wanted: bool) -> None:
    assert asked_for(mode, found, asked) == wanted


@pytest.mark.parametrize(("ago", "forgotten"), [(CALM * FIVE, True), (CALM * FIVE - timedelta(seconds=1), False)])
def test_the_tries_are_forgotten_once_it_has_stayed_so(ago: timedelta, *, forgotten: bool) -> None:
    assert over(row(2, ago=ago), FIVE, NOW) == forgotten
