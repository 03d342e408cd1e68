"""What releases need of other applications, and what was verified together."""

from datetime import timedelta
from typing import Any

import pytest

from lockflight.api import reasons
from lockflight.api.common import Tier
from lockflight.api.environment import TargetStatus
from lockflight.api.promotion import Outcome, Phase
from lockflight.api.release import Beside, Release
from lockflight.policy.model import HelmStatus, Neighbour, Revision, Snapshot
from lockflight.policy.neighbours import MOST_BESIDE, Place, beside, joined, neighbour, related, together
from tests.unit.policy.builders import FIVE, NOW, digest, meta, passage, promotion, release, revision, verdict, world

NEEDS = ({"application": "ledger", "version": ">=1.2 <2"},)


def ledger(version: str = "1.3.0", **spec: Any) -> Release:
    """A release of another application."""
    made = release(version, passed=(), **spec)
    given = made.model_dump(mode="json", by_alias=True, exclude_none=True)
    name = f"ledger-{version}"
    return Release.model_validate(
        {
            **given,
            "metadata": meta(name),
            "spec": {**given["spec"], "application": "ledger"},
            "status": {**given["status"], "digest": digest(name[::-1])},
        }
    )


def beside_ledger(needs: bool = True, **given: Any) -> Snapshot:
    """Payments 2.4.0 on its way, with a ledger as its neighbour."""
    tier = given.pop("environment", FIVE[4])
    action = given.pop("action", "Deploy")
    made = release(requires=NEEDS) if needs else release()
    there = Neighbour("ledger", **{"release": ledger(), "verified": True, "tested": ("uat",), **given})
    s = world(release=made, environment=tier, promotion=promotion(to=tier.metadata.name, action=action))
    return Snapshot(**{f: getattr(s, f) for f in s.__slots__} | {"neighbours": {"ledger": there}})


CLOSED: tuple[tuple[str, dict[str, Any]], ...] = (
    (reasons.REQUIREMENT_MISSING, {"release": None}),
    (reasons.REQUIREMENT_NOT_MET, {"release": ledger("1.1.0")}),
    (reasons.REQUIREMENT_NOT_MET, {"release": ledger("2.0.0-rc.1")}),
    (reasons.REQUIREMENT_NOT_VERIFIED, {"verified": False}),
    (reasons.REQUIREMENT_CHANGING, {"at_work": "ledger-1.4.0-production"}),
    (reasons.CANNOT_TELL, {"release": None, "problem": "Helm's storage cannot be read"}),
    (reasons.REQUIRED_OTHERWISE, {"release": ledger(requires=[{"application": "payments", "version": "<2"}])}),
    (
        reasons.REQUIRED_OTHERWISE,
        {
            "needs": False,
            "at_work": "on-its-way",
            "coming": (("on-its-way", ledger(requires=[{"application": "payments", "version": "<2"}])),),
        },
    ),
)


@pytest.mark.parametrize(("reason", "given"), CLOSED)
def test_what_does_not_go_together_waits(reason: str, given: dict[str, Any]) -> None:
    found = verdict(reasons.REQUIRES, beside_ledger(**given))
    assert (found.outcome, found.reason) == (Outcome.WAITING, reason)
    assert found.retry_at is not None


@pytest.mark.parametrize(("reason", "given"), CLOSED)
def test_who_goes_back_is_told_and_not_kept(reason: str, given: dict[str, Any]) -> None:
    found = verdict(reasons.REQUIRES, beside_ledger(action="Rollback", **given))
    assert (found.outcome, found.reason) == (Outcome.PASSED, reasons.REQUIREMENT_IGNORED)
    assert found.message


def test_a_requirement_that_was_not_looked_up_is_closed() -> None:
    s = world(release=release(requires=NEEDS))
    assert verdict(reasons.REQUIRES, s).reason == reasons.CANNOT_TELL


def test_a_release_without_neighbours_that_matter_has_no_such_gate() -> None:
    assert verdict(reasons.REQUIRES, world()).outcome is Outcome.NOT_APPLICABLE


def test_what_it_requires_runs_here_verified() -> None:
    found = verdict(reasons.REQUIRES, beside_ledger())
    assert (found.outcome, found.reason) == (Outcome.PASSED, reasons.PASSED)
    assert "ledger-1.3.0" in found.message


@pytest.mark.parametrize("needs", [True, False])
def test_production_warns_of_what_was_never_verified_together_and_stays_open(needs: bool) -> None:
    there = ledger(requires=[{"application": "payments", "version": ">=2"}])
    found = verdict(reasons.REQUIRES, beside_ledger(needs, release=there, tested=()))
    assert (found.outcome, found.reason) == (Outcome.PASSED, reasons.NOT_TESTED_TOGETHER)
    assert "never verified together" in found.message


def test_below_production_nothing_is_warned_of() -> None:
    found = verdict(reasons.REQUIRES, beside_ledger(environment=FIVE[3], tested=()))
    assert found.reason == reasons.PASSED


def test_it_is_never_skipped_by_an_emergency() -> None:
    from lockflight.api.changerecords import Bypass

    assert reasons.REQUIRES not in {b.value for b in Bypass}


def there(version: str = "1.3.0", **given: Any) -> Revision:
    """What runs of the ledger."""
    return revision(
        version=version,
        **{
            "helm_release": "ledger-app",
            "release_digest": (ledger(version).status.digest or "").removeprefix("sha256:")[:40],
            "promotion_uid": f"uid-ledger-{version}-production",
            **given,
        },
    )


def place(*promotions: Any, releases: tuple[Release, ...] = (ledger(),)) -> Place:
    return Place("production", "ledger", {r.metadata.name: r for r in releases}, promotions, ("ledger-archive",))


def brought(**given: Any) -> Any:
    return promotion("ledger-1.3.0-production", release_name="ledger-1.3.0", phase=Phase.SUCCEEDED, **given)


def test_what_runs_is_what_helm_says_and_verified_is_what_its_promotion_says() -> None:
    found = neighbour(place(brought(verified=NOW)), [there()])
    assert (found.release, found.verified) == (ledger(), True)
    assert not neighbour(place(brought()), [there()]).verified


@pytest.mark.parametrize("status", [HelmStatus.FAILED, HelmStatus.PENDING_UPGRADE, HelmStatus.UNINSTALLING])
def test_what_is_half_applied_is_not_verified(status: HelmStatus) -> None:
    assert not neighbour(place(brought(verified=NOW)), [there(status=status)]).verified


def test_what_was_uninstalled_does_not_run() -> None:
    assert neighbour(place(brought(verified=NOW)), [there(status=HelmStatus.UNINSTALLED)]).release is None


def test_what_lockflight_did_not_make_does_not_count() -> None:
    assert neighbour(place(), [there(promotion_uid="")]).release is None


def test_another_application_whose_name_begins_alike_is_not_taken_for_it() -> None:
    other = there(helm_release="ledger-archive-app", release_digest="e" * 40)
    found = neighbour(place(), [other])
    assert (found.release, found.problem) == (None, "")


def test_what_runs_of_a_release_that_is_gone_cannot_be_told() -> None:
    assert "is gone" in neighbour(place(releases=()), [there()]).problem


def test_two_releases_in_parts_cannot_be_told() -> None:
    both = [there(), there("1.4.0", helm_release="ledger-web")]
    assert "in parts" in neighbour(place(releases=(ledger(), ledger("1.4.0"))), both).problem


def test_only_what_a_requirement_connects_is_looked_at() -> None:
    needy = ledger(requires=[{"application": "payments", "version": ">=1"}])
    assert related(release(requires=NEEDS), []) == ("ledger",)
    assert related(release(), [needy]) == ("ledger",)
    assert related(release(), [ledger()]) == ()


def row(application: str, verified: Any) -> TargetStatus:
    return TargetStatus(
        application=application,
        namespace="n",
        release=f"{application}-1",
        version="1.0.0",
        digest=digest(application),
        plan_digest=digest("plan"),
        promotion_uid="u",
        promotion="p",
        state="Succeeded",
        deployed_at=NOW,
        verified_at=verified,
    )


def test_what_was_verified_before_the_deployment_was_beside_it() -> None:
    rows = [row("a", NOW - timedelta(hours=1)), row("b", NOW + timedelta(seconds=1)), row("c", None)]
    assert [b.application for b in beside(rows, NOW)] == ["a"]


def near(other: Release) -> Beside:
    return Beside(
        application=other.spec.application,
        release=other.metadata.name,
        version=other.spec.version,
        digest=other.status.digest or "",
    )


TIERS = {"local": Tier.LOCAL, "uat": Tier.UAT, "production": Tier.PRODUCTION}
UIDS = {name: f"uid-{name}" for name in TIERS}


def test_together_is_where_either_was_verified_beside_the_other() -> None:
    one = release(passed=(passage("uat", beside=(near(ledger()),)),))
    assert together(one, ledger(), "production", TIERS, UIDS) == ("uat",)
    assert together(ledger(), one, "production", TIERS, UIDS) == ("uat",)


@pytest.mark.parametrize(
    "given",
    [
        {"name": "production"},
        {"name": "local"},
        {"name": "gone"},
        {"environment_uid": "another"},
        {"digest": digest("other")},
        {"beside": (near(ledger("1.2.0")),)},
    ],
)
def test_what_proves_nothing_is_not_together(given: dict[str, Any]) -> None:
    proof = passage(given.pop("name", "uat"), **{"beside": (near(ledger()),), **given})
    assert together(release(passed=(proof,)), ledger(), "production", TIERS, UIDS) == ()


def test_what_was_beside_it_is_kept_once_and_bounded() -> None:
    many = [near(ledger(f"1.{n}.0")) for n in range(MOST_BESIDE + 5)]
    many = [b.model_copy(update={"digest": f"sha256:{n:064x}"}) for n, b in enumerate(many)]
    kept = joined(many[:3], [*many, many[-2]])
    assert len(kept) == MOST_BESIDE
    assert kept[-1] == many[-2]
