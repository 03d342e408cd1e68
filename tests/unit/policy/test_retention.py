"""Which finished objects may leave the cluster."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from lockflight.api.changerequest import ChangePhase, ChangeRequest
from lockflight.api.emergency import Debt
from lockflight.api.promotion import Phase, Promotion
from lockflight.policy.retention import KEPT_HERE, Shelf
from tests.unit.policy.builders import NOW, change, promotion, release, use

LONG_AGO = NOW - timedelta(days=200)
BEFORE = NOW - timedelta(days=90)
OLD, NEW = release("1.0.0"), release("2.0.0")


def ended(
    version: str, name: str = "", *, phase: Phase = Phase.SUCCEEDED, at: Any = LONG_AGO, **given: Any
) -> Promotion:
    """A promotion of that version into production that ended."""
    started = None if phase in (Phase.REJECTED, Phase.EXPIRED) else at
    label = name or f"{version}-production"
    under = given.pop("under", None)
    made = promotion(
        label, release_name=f"payments-{version}", phase=phase, started=started, finished=at, created=at, **given
    )
    return made.model_copy(update={"status": made.status.model_copy(update={"change": under})})


def closed(name: str = "chg-1", *, debts: tuple[Debt, ...] = (), **given: Any) -> ChangeRequest:
    """A change of 1.0.0 that was closed long ago."""
    full = {"phase": ChangePhase.CLOSED, "release_name": "payments-1.0.0", "seen": LONG_AGO, **given}
    made = change(name, **full)
    meta = made.metadata.model_copy(update={"creation_timestamp": LONG_AGO, "labels": given.pop("labels", {})})
    return made.model_copy(update={"metadata": meta, "status": made.status.model_copy(update={"debts": debts})})


def later(count: int = KEPT_HERE) -> tuple[Promotion, ...]:
    """So many promotions of 2.0.0 that ran there since."""
    return tuple(ended("2.0.0", f"later-{n}", at=NOW - timedelta(hours=n + 1)) for n in range(count))


def shelf(*promotions: Promotion, changes: tuple[ChangeRequest, ...] = (), releases: Any = (OLD, NEW)) -> Shelf:
    return Shelf(promotions, changes, {r.metadata.name: r for r in releases})


def leaving(found: Shelf) -> set[str]:
    return {obj.metadata.name for obj in found.leaving(BEFORE)}


def test_what_ended_long_ago_and_was_followed_by_many_leaves_with_its_change() -> None:
    first = ended("1.0.0", under="chg-1")
    found = shelf(first, *later(), changes=(closed(used_by=[use(first.metadata.uid, at=LONG_AGO, finished=True)]),))
    assert leaving(found) == {"1.0.0-production", "chg-1"}


@pytest.mark.parametrize("phase", [Phase.WAITING, Phase.ON_HOLD, Phase.DEPLOYING, Phase.VERIFYING, None])
def test_what_has_not_ended_stays(phase: Phase | None) -> None:
    waiting = promotion("waiting", release_name="payments-1.0.0", phase=phase, created=LONG_AGO)
    assert leaving(shelf(waiting, *later())) == set()


def test_what_ended_lately_stays() -> None:
    assert leaving(shelf(ended("1.0.0", at=BEFORE + timedelta(seconds=1)), *later())) == set()


def test_the_last_that_ran_in_an_environment_stay_whatever_their_age() -> None:
    assert leaving(shelf(ended("1.0.0"), *later(KEPT_HERE - 1))) == set()


def test_what_never_ran_pushes_nothing_out() -> None:
    refused = tuple(ended("2.0.0", f"refused-{n}", phase=Phase.REJECTED, at=NOW) for n in range(50))
    assert leaving(shelf(ended("1.0.0"), *refused, ended("2.0.0", at=NOW))) == set()


@pytest.mark.parametrize("phase", [Phase.REJECTED, Phase.EXPIRED])
def test_what_nothing_followed_stays_so_that_nobody_asks_for_it_again(phase: Phase) -> None:
    refused = ended("2.0.0", phase=phase)
    assert leaving(shelf(refused)) == set()
    assert leaving(shelf(refused, releases=(OLD,))) == {"2.0.0-production"}


def test_a_lower_version_follows_nobody() -> None:
    assert leaving(shelf(ended("2.0.0", phase=Phase.REJECTED), ended("1.0.0", at=NOW))) == set()


def test_another_application_or_environment_is_another_count() -> None:
    elsewhere = tuple(ended("2.0.0", f"uat-{n}", at=NOW, to="uat") for n in range(KEPT_HERE))
    assert leaving(shelf(ended("1.0.0"), *elsewhere, ended("2.0.0", at=NOW))) == set()


@pytest.mark.parametrize(
    "given",
    [
        {"phase": ChangePhase.IMPLEMENT},
        {"phase": ChangePhase.REVIEW},
        {"type": "Standard", "standardChangeRef": {"name": "patch"}, "approvals": ()},
        {"debts": (Debt(gate="Review", since=LONG_AGO, due_by=LONG_AGO),)},
    ],
    ids=["implemented", "to be reviewed", "a use that is counted", "owing"],
)
def test_a_change_on_which_something_rests_stays_with_its_promotions(given: dict[str, Any]) -> None:
    first = ended("1.0.0", under="chg-1")
    named = closed(used_by=[use(first.metadata.uid, at=LONG_AGO, finished=True)], **given)
    assert leaving(shelf(first, *later(), changes=(named,))) == set()


def test_a_change_stays_with_a_promotion_that_stays() -> None:
    assert leaving(shelf(ended("1.0.0", under="chg-1"), ended("2.0.0", at=NOW), changes=(closed(),))) == set()


def test_a_rejected_change_stays_while_another_would_be_drafted() -> None:
    rejected = closed(phase=ChangePhase.REJECTED)
    assert leaving(shelf(changes=(rejected,))) == set()
    assert leaving(shelf(ended("2.0.0", at=NOW), changes=(rejected,))) == {"chg-1"}
    assert leaving(shelf(changes=(rejected,), releases=())) == {"chg-1"}


@pytest.mark.parametrize(
    ("where", "key"),
    [
        ("annotations", "argocd.argoproj.io/tracking-id"),
        ("labels", "argocd.argoproj.io/instance"),
        ("labels", "app.kubernetes.io/instance"),
        ("labels", "kustomize.toolkit.fluxcd.io/name"),
        ("annotations", "meta.helm.sh/release-name"),
    ],
)
def test_what_a_tool_syncs_stays_for_it_would_come_back_as_new(where: str, key: str) -> None:
    first = ended("1.0.0")
    managed = first.model_copy(update={"metadata": first.metadata.model_copy(update={where: {key: "x"}})})
    assert leaving(shelf(first, *later())) == {"1.0.0-production"}
    assert leaving(replace(shelf(managed, *later()))) == set()
