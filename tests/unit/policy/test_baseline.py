"""With which of Helm's revisions a target is compared."""

import pytest

from lockflight.policy.baseline import baselines, named
from lockflight.policy.model import HelmStatus, Revision
from tests.unit.policy.builders import promotion

API = "payments-api"


def revision(number: int, status: str = "deployed", *, uid: str = "p1", name: str = API) -> Revision:
    return Revision(name, number, HelmStatus(status), promotion_uid=uid)


def made(*numbers: int) -> list:  # type: ignore[type-arg]
    from lockflight.api.promotion import ComponentStatus

    rows = tuple(
        ComponentStatus(name="api", helm_release=API, previous_revision=0, revision=n, state="Deployed")
        for n in numbers
    )
    base = promotion()
    return [base.model_copy(update={"status": base.status.model_copy(update={"components": (row,)})}) for row in rows]


def test_what_a_promotion_made_is_compared_with_itself() -> None:
    (found,) = baselines([revision(1)], made(1)).releases
    assert found.newest == found.promoted == revision(1)


def test_a_newer_revision_that_no_promotion_made_is_compared_with_the_last_that_one_did() -> None:
    (found,) = baselines([revision(1, "superseded"), revision(2)], made(1)).releases
    assert (found.newest.revision, found.promoted.revision) == (2, 1)


def test_where_no_promotion_is_known_any_more_what_is_deployed_counts() -> None:
    (found,) = baselines([revision(4, "superseded"), revision(5)], ()).releases
    assert found.newest == found.promoted == revision(5)


def test_what_is_half_done_is_not_compared() -> None:
    found = baselines([revision(1), revision(2, "failed")], made(1, 2))
    assert (found.releases, found.unfinished) == ((), (API,))


@pytest.mark.parametrize("status", ["failed", "pending-rollback"])
def test_what_somebody_else_left_half_done_hides_nothing(status: str) -> None:
    (found,) = baselines([revision(1), revision(2, status)], made(1)).releases
    assert found.newest == found.promoted == revision(1)


def test_what_lockflight_never_touched_is_left_out() -> None:
    assert baselines([revision(1, uid="")], ()).releases == ()
    assert named([revision(1, uid="")]) == ""


def test_a_helm_release_that_is_gone_is_missed() -> None:
    assert baselines([], made(1), [API]).missing == (API,)


def test_the_newest_revisions_have_a_name() -> None:
    assert named([revision(1), revision(3), revision(2, name="payments-web")]) == "payments-api:3,payments-web:2"


def test_what_was_installed_anew_by_hand_is_foreign() -> None:
    found = baselines([revision(1, uid="")], made(1), [API])
    assert ([r.revision for r in found.foreign], found.releases, found.missing) == ([1], (), ())


def test_a_revision_without_our_labels_is_not_what_a_promotion_made() -> None:
    (found,) = baselines([revision(1, "superseded"), revision(2, uid="")], made(1, 2)).releases
    assert (found.newest.revision, found.promoted.revision) == (2, 1)
