"""A hotfix is one only while a change says so; then calendar and freeze spare it what they say, and nothing else."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lockflight.api import reasons
from lockflight.api.changerequest import ChangePhase, ChangeRequest
from lockflight.api.conditions import condition
from lockflight.api.promotion import Outcome, Phase
from lockflight.api.release import Passage, Release
from lockflight.policy.gates import evaluate_all
from lockflight.policy.hotfix import contains, counts_as_hotfix, hotfix, mended
from lockflight.policy.model import Snapshot
from lockflight.policy.peers import superseded_by
from tests.unit.policy.builders import (
    FIVE,
    NOW,
    ONE_HOUR_AGO,
    approval,
    calendar,
    change,
    digest,
    environment,
    freeze,
    hours,
    passage,
    promotion,
    release,
    revision,
    verdict,
    world,
)

SPARING = {"hotfix": {"tiers": ["UAT", "Production"], "approvals": [{"role": "cab"}]}}
ROLES = {"hotfix": {"tiers": ["UAT", "Production"], "approvals": [{"role": "cab"}, {"role": "hotfix-board"}]}}
BASE = release("2.3.1", passed=(passage("production", "payments-2.3.1"),))
NEXT = release("2.4.0", passed=(passage("system-test", "payments-2.4.0"),))
DEFECT = {"defect": "PAY-12"}


def made(version: str = "2.3.2", based_on: str = "payments-2.3.1", passed: tuple[Passage, ...] = ()) -> Release:
    return release(version, passed=passed, type="Hotfix", basedOn={"name": based_on})


def says(*, name: str = "chg-7", **given: Any) -> ChangeRequest:
    """A change that says hotfix, with one approval of the board."""
    full = {"approvals": (approval("alice@example"), approval("bob@example")), "hotfix": DEFECT, **given}
    return change(name, release_name="payments-2.3.2", **full)


def entering(where: str = "uat", *changes: ChangeRequest, **given: Any) -> Snapshot:
    """A hotfix of 2.3.1, which production runs, on its way."""
    fix = given.pop("release", made())
    target = next(e for e in FIVE if e.metadata.name == where)
    said = changes or (says(),)
    full: dict[str, Any] = {
        "environment": target,
        "release": fix,
        "promotion": promotion(to=where, release_name=fix.metadata.name),
        "calendar": calendar(**SPARING),
        "changes": said if where == "production" else (),
        "hotfix_changes": said,
        "revisions": (revision(version="2.3.1"),),
        "peer_releases": {r.metadata.name: r for r in (BASE, NEXT, fix)},
        **given,
    }
    return world(**full)


def test_a_change_with_the_calendars_approvals_makes_it_one() -> None:
    found = hotfix(entering(), NOW)
    assert found is not None
    assert found.counts
    assert "chg-7 (PAY-12), approved by alice@example, bob@example" in found.why
    assert found.until is not None


@pytest.mark.parametrize(
    ("spoilt", "why"),
    [
        ({"hotfix_changes": ()}, "no open change says"),
        ({"hotfix_changes": (says(hotfix=None),)}, "does not say so"),
        ({"hotfix_changes": (says(approvals=()),)}, "needs 1 more of role cab"),
        ({"hotfix_changes": (says(approvals=(approval("jo@example"),)),)}, "needs 1 more of role cab"),
        ({"hotfix_changes": (says(approvals=(approval("eve@example", role="qa"),)),)}, "needs 1 more of role cab"),
        (
            {"hotfix_changes": (says(approvals=(approval("alice@example", decision="Rejected"),)),)},
            "rejected by alice@example",
        ),
        ({"hotfix_changes": (says(approvals=(approval("alice@example", generation=0),)),)}, "needs 1 more"),
        ({"hotfix_changes": (says(approvals=(approval("alice@example", plan_digest=digest("x")),)),)}, "needs 1 more"),
        ({"hotfix_changes": (says(seen=NOW - hours(169)),)}, "needs 1 more"),
        ({"hotfix_changes": (says(phase=ChangePhase.CANCELLED),)}, "is over or held"),
        ({"hotfix_changes": (says(cancel={"reason": "no longer needed"}),)}, "is over or held"),
        ({"hotfix_changes": (says(hold={"reason": "wait"}),)}, "is over or held"),
        ({"hotfix_changes": (says(creator=None),)}, "no person is known to have put"),
        ({"hotfix_changes": (says(creator="system:serviceaccount:argo:cd"),)}, "no person is known to have put"),
        ({"hotfix_changes": (change(hotfix=DEFECT),)}, "is for another release"),
        ({"calendar": None}, "says nothing of hotfixes"),
        ({"calendar": calendar()}, "says nothing of hotfixes"),
        ({"calendar": calendar(**ROLES)}, "needs 1 more of role hotfix-board"),
        ({"peer_releases": {"payments-2.3.2": made()}}, "release payments-2.3.1 of payments does not exist"),
        ({"release": made(based_on="payments-2.4.0")}, "version 2.3.2 is not higher than 2.4.0"),
        (
            {"peer_releases": {r.metadata.name: r for r in (release("2.3.1"), made())}},
            "payments-2.3.1, which production does not run",
        ),
        ({"production": frozenset()}, "which production does not run"),
    ],
)
def test_it_is_none_otherwise(spoilt: dict[str, Any], why: str) -> None:
    found = hotfix(entering(**spoilt), NOW)
    assert found is not None
    assert not found.counts
    assert why in found.why


@pytest.mark.parametrize("kind", [None, "Scheduled", "Config"])
def test_no_other_release_is_ever_one(kind: str | None) -> None:
    fix = made().model_copy(update={"spec": made().spec.model_copy(update={"type": kind})})
    assert not counts_as_hotfix(entering(release=fix), NOW)


def test_in_production_only_the_promotions_own_change_speaks() -> None:
    own = change(release_name="payments-2.3.2")
    assert counts_as_hotfix(entering("production", says()), NOW)
    assert not counts_as_hotfix(entering("production", own, hotfix_changes=(own, says())), NOW)


@pytest.mark.parametrize(
    ("spoilt", "counts"),
    [
        ({}, True),
        ({"approved": False}, False),
        ({"generation": 2}, False),
        ({"unseen": True}, False),
        ({"environments": ["uat"]}, False),
        ({"hold": {"reason": "wait"}}, False),
    ],
)
def test_an_approved_emergency_for_production_makes_it_one(spoilt: dict[str, Any], counts: bool) -> None:
    spoilt = dict(spoilt)
    approved, unseen = spoilt.pop("approved", True), spoilt.pop("unseen", False)
    incident = {"id": "INC-77", "severity": "Sev1", "openedAt": ONE_HOUR_AGO}
    emergency = says(hotfix=None, type="Emergency", incident=incident, **spoilt)
    said = condition(reasons.APPROVED, approved, "Approved", "", generation=1, now=NOW)
    update = {"conditions": (said,), **({"observed": ()} if unseen else {})}
    emergency = emergency.model_copy(update={"status": emergency.status.model_copy(update=update)})
    assert counts_as_hotfix(entering(hotfix_changes=(emergency,), calendar=None), NOW) is counts


def test_the_calendar_spares_it_tiers() -> None:
    found = verdict(reasons.ORDER, entering())
    assert (found.outcome, found.reason) == (Outcome.PASSED, reasons.ENTRY)
    assert "spared system-test, integration as a hotfix: change chg-7" in found.message


def test_a_tier_that_it_names_is_passed() -> None:
    rule = {"hotfix": {**SPARING["hotfix"], "tiers": ["SystemTest", "UAT", "Production"]}}
    assert not verdict(reasons.ORDER, entering(calendar=calendar(**rule))).open
    there = made(passed=(passage("system-test", "payments-2.3.2"),))
    assert verdict(reasons.ORDER, entering(calendar=calendar(**rule), release=there)).open


def test_what_a_tier_is_spared_for_lies_further_up() -> None:
    """Integration is asked for where SystemTest alone is left out."""
    rule = {"hotfix": {**SPARING["hotfix"], "tiers": ["Integration", "UAT", "Production"]}}
    assert not verdict(reasons.ORDER, entering(calendar=calendar(**rule))).open
    there = made(passed=(passage("integration", "payments-2.3.2"),))
    assert verdict(reasons.ORDER, entering(calendar=calendar(**rule), release=there)).open


def test_the_last_environment_before_production_is_never_spared() -> None:
    """Not even where a calendar of a hostile stack leaves its tier out."""
    rule = {"hotfix": {**SPARING["hotfix"], "tiers": ["SystemTest", "Production"]}}
    found = verdict(reasons.ORDER, entering("production", calendar=calendar(**rule)))
    assert (found.outcome, found.reason) == (Outcome.WAITING, reasons.NOT_PASSED)


def test_with_the_last_one_passed_it_enters_production() -> None:
    there = made(passed=(passage("uat", "payments-2.3.2"),))
    assert verdict(reasons.ORDER, entering("production", release=there)).open


def test_what_was_spared_the_way_has_not_climbed_it_once_no_change_says_so() -> None:
    """The hotfix change is cancelled and a plain one approved: it is a release that never was in SystemTest."""
    there = made(passed=(passage("uat", "payments-2.3.2"),))
    plain = change("chg-8", release_name="payments-2.3.2")
    found = verdict(reasons.ORDER, entering("production", plain, release=there))
    assert (found.outcome, found.reason) == (Outcome.WAITING, reasons.NOT_PASSED)
    assert "not in system-test yet" in found.message
    assert "not spared as a hotfix: change chg-8 does not say so" in found.message
    climbed = tuple(passage(name, "payments-2.3.2") for name in ("integration", "system-test", "uat"))
    assert verdict(reasons.ORDER, entering("production", plain, release=made(passed=climbed))).open


def test_a_calendar_of_uat_alone_does_not_spare_it_what_productions_asks() -> None:
    there = made(passed=(passage("uat", "payments-2.3.2"),))
    rule = {"hotfix": {**SPARING["hotfix"], "tiers": ["SystemTest", "UAT", "Production"]}}
    assert not verdict(reasons.ORDER, entering("production", release=there, calendar=calendar(**rule))).open


def test_it_waits_for_no_train() -> None:
    found = verdict(reasons.CADENCE, in_uat())
    assert found.open
    assert "a hotfix, which calendar payments/four-weekly lets go without a train: change chg-7" in found.message


def in_uat(**given: Any) -> Snapshot:
    return following("uat", **given)


def following(where: str, *changes: ChangeRequest, **given: Any) -> Snapshot:
    """The environment follows the calendar, and the hotfix passed what it must have."""
    snapshot = entering(where, *changes, **given)
    assert snapshot.effective is not None
    spec = environment(where, snapshot.effective.spec.tier.value, calendarRef={"name": "four-weekly"}).spec
    wanted = {"calendar_ref": spec.calendar_ref}
    return replace(
        snapshot,
        effective=replace(snapshot.effective, spec=snapshot.effective.spec.model_copy(update=wanted)),
    )


def test_without_a_change_it_waits_for_its_train() -> None:
    found = verdict(reasons.CADENCE, in_uat(hotfix_changes=()))
    assert (found.outcome, found.reason) == (Outcome.WAITING, reasons.TRAIN_NOT_DUE)
    assert "no hotfix that goes without it: no open change says" in found.message


@pytest.mark.parametrize(("exempt", "open_"), [({"hotfixes": True}, True), ({"hotfixes": False}, False), ({}, False)])
def test_a_freeze_says_itself_whether_hotfixes_pass(exempt: dict[str, Any], open_: bool) -> None:
    frozen = (freeze(exempt=exempt),)
    assert verdict(reasons.FREEZE, entering("production", freezes=frozen)).open is open_
    plain = change("chg-8", release_name="payments-2.3.2")
    assert not verdict(reasons.FREEZE, entering("production", plain, freezes=frozen)).open


def test_below_production_the_next_release_gives_way_to_it() -> None:
    higher = (revision(version="2.4.0"),)
    assert verdict(reasons.VERSION, entering(revisions=higher)).open
    found = verdict(reasons.VERSION, entering(revisions=higher, hotfix_changes=()))
    assert (found.outcome, found.reason) == (Outcome.WAITING, reasons.NOT_A_HOTFIX)


@pytest.mark.parametrize(
    ("runs", "reason"),
    [
        (("2.3.1",), reasons.PASSED),
        (("2.3.2",), reasons.PASSED),
        (("2.3.1", "2.3.2"), reasons.PASSED),
        (("2.4.0",), reasons.NOT_WHAT_RUNS),
        (("2.3.0",), reasons.NOT_WHAT_RUNS),
        (("2.3.1", "2.3.0"), reasons.NOT_WHAT_RUNS),
        ((), reasons.NOT_WHAT_RUNS),
    ],
)
def test_production_runs_what_it_is_based_on(runs: tuple[str, ...], reason: str) -> None:
    rows = tuple(revision(version=v, helm_release=f"payments-{n}") for n, v in enumerate(runs))
    assert verdict(reasons.VERSION, entering("production", revisions=rows)).reason == reason


def test_where_nobody_looked_at_helm_the_proofs_speak() -> None:
    """Such as for a pipeline that waits for the change, or a freeze that cancels what runs."""
    unseen: dict[str, Any] = {"revisions": (), "plan": None}
    assert counts_as_hotfix(entering("production", **unseen), NOW)
    gone = {r.metadata.name: r for r in (release("2.3.1"), made())}
    assert not counts_as_hotfix(entering("production", **unseen, peer_releases=gone), NOW)
    running = promotion(release_name="payments-2.3.2", phase=Phase.DEPLOYING, started=NOW)
    assert counts_as_hotfix(entering("production", **unseen, peer_releases=gone, promotion=running), NOW)


def test_what_it_is_based_on_must_exist() -> None:
    lonely = {"payments-2.3.2": made()}
    found = verdict(reasons.VERSION, entering("production", peer_releases=lonely))
    assert (found.outcome, found.reason) == (Outcome.WAITING, reasons.BASE_MISSING)


def later(**spec: Any) -> Snapshot:
    """Release 2.4.0 for production, which runs the hotfix."""
    fix, config = made(), release("2.3.2+cfg.1", type="Config", basedOn={"name": "payments-2.3.2"})
    second = release("2.3.3", type="Hotfix", basedOn={"name": "payments-2.3.2"})
    runs = spec.pop("runs", "2.3.2")
    mine = release("2.4.0", **spec)
    return world(
        release=mine,
        revisions=(revision(version=runs.replace("+", "_"), release_digest=digest(f"payments-{runs}")[7:47]),),
        peer_releases={r.metadata.name: r for r in (BASE, fix, config, second, mine)},
    )


@pytest.mark.parametrize(
    ("spec", "open_"),
    [
        ({}, False),
        ({"includes": ["payments-2.3.9"]}, False),
        ({"includes": ["payments-2.3.2"]}, True),
        ({"includes": ["payments-2.3.3"]}, True),
        ({"runs": "2.3.2+cfg.1"}, False),
        ({"runs": "2.3.2+cfg.1", "includes": ["payments-2.3.2"]}, True),
        ({"runs": "2.3.1"}, True),
    ],
)
def test_a_later_release_contains_the_hotfix_that_production_runs(spec: dict[str, Any], open_: bool) -> None:
    found = verdict(reasons.VERSION, later(**spec))
    assert found.open is open_
    if not open_:
        assert (found.outcome, found.reason) == (Outcome.DENIED, reasons.HOTFIX_NOT_INCLUDED)
        assert "create another version with --includes payments-2.3.2" in found.message


def test_a_release_of_the_same_content_does_not_hide_the_hotfix() -> None:
    """Whatever it is called, and whatever its type."""
    s = later()
    for version in ("2.3.2", "2.3.9"):
        twin = release(version)
        twin = twin.model_copy(update={"status": twin.status.model_copy(update={"digest": digest("payments-2.3.2")})})
        assert verdict(reasons.VERSION, replace(s, here=(*s.here, twin))).reason == reasons.HOTFIX_NOT_INCLUDED
        assert verdict(reasons.VERSION, replace(s, here=(twin, *s.here))).reason == reasons.HOTFIX_NOT_INCLUDED


def test_what_runs_without_its_release_might_be_a_hotfix() -> None:
    found = verdict(reasons.VERSION, world(here=()))
    assert (found.outcome, found.reason) == (Outcome.WAITING, reasons.CANNOT_TELL)


def test_the_hotfix_approvals_are_needed_beside_those_of_the_environment() -> None:
    there = made(passed=(passage("uat", "payments-2.3.2"),))
    asked = entering("production", release=there, calendar=calendar(**ROLES))
    found = verdict(reasons.CHANGE_CONTROL, asked)
    assert (found.outcome, found.reason) == (Outcome.WAITING, reasons.APPROVALS_MISSING)
    assert "hotfix-board" in found.message


def test_a_standard_change_goes_in_its_windows_where_it_is_judged() -> None:
    standard = change(type="Standard", standardChangeRef={"name": "patch"}, approvals=())
    plain = following("production", standard, release=release(), promotion=promotion())
    assert not verdict(reasons.CADENCE, plain).open
    assert plain.effective is not None
    control = environment(
        changeControl={"standard": {"catalogue": [{"role": "cab"}]}, "normal": {"approvals": [{"role": "cab"}]}}
    ).spec.change_control
    spec = plain.effective.spec.model_copy(update={"change_control": control})
    judged = replace(plain, effective=replace(plain.effective, spec=spec))
    assert verdict(reasons.CADENCE, judged).outcome is Outcome.NOT_APPLICABLE


def test_only_the_same_type_supersedes() -> None:
    newer = promotion("newer", release_name="payments-2.4.0", to="uat", gates=dict.fromkeys(("Order",), Outcome.PASSED))
    assert superseded_by(entering(hotfix_changes=(), peers=(newer,))) is None
    mine = entering(release=release("2.3.9"), hotfix_changes=(), peers=(newer,))
    assert superseded_by(mine) is newer


def test_a_hotfix_with_a_change_of_its_own_is_never_superseded() -> None:
    second = release("2.3.3", type="Hotfix", basedOn={"name": "payments-2.3.1"})
    newer = promotion("newer", release_name="payments-2.3.3", to="uat", gates=dict.fromkeys(("Order",), Outcome.PASSED))
    known = {r.metadata.name: r for r in (BASE, second, made())}
    assert superseded_by(entering(peers=(newer,), peer_releases=known)) is None
    assert superseded_by(entering(peers=(newer,), peer_releases=known, hotfix_changes=())) is newer


NAMES = tuple(f"r{n}" for n in range(6))


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["Scheduled", "Hotfix", "Config"]),
            st.sampled_from((None, *NAMES)),
            st.lists(st.sampled_from(NAMES), max_size=3, unique=True),
        ),
        min_size=6,
        max_size=6,
    )
)
def test_containment_ends_and_follows_what_is_named(rows: list[tuple[str, str | None, list[str]]]) -> None:
    known = {}
    for name, (kind, base, includes) in zip(NAMES, rows, strict=True):
        one = release("1.0.0", type=kind, basedOn={"name": base} if base else None, includes=includes)
        known[name] = one.model_copy(update={"metadata": one.metadata.model_copy(update={"name": name})})
    edges = {n: {*known[n].spec.includes, *((b.name,) if (b := known[n].spec.based_on) else ())} for n in NAMES}
    reach = {n: {n} for n in NAMES}
    for _ in NAMES:
        reach = {n: reach[n].union(*(reach[m] for m in edges[n])) for n in NAMES}
    for one in known.values():
        mended(one, known)
        assert {n for n in NAMES if contains(one, n, known)} == reach[one.metadata.name]


TIERS = ("Integration", "SystemTest", "UAT", "Production")
WAY = ("integration", "system-test", "uat", "production")


@settings(max_examples=200)
@given(
    where=st.sampled_from(("system-test", "uat", "production")),
    tiers=st.sets(st.sampled_from(TIERS), min_size=2),
    been=st.sets(st.sampled_from(WAY[:3])),
    said=st.booleans(),
    kind=st.sampled_from(("Scheduled", "Hotfix")),
)
def test_nothing_is_spared_but_by_a_change_that_says_so(
    where: str, tiers: set[str], been: set[str], said: bool, kind: str
) -> None:
    """Against the rule written out: what lies before is passed, or is of a tier left out and not the last."""
    rows = tuple(passage(name, "payments-2.3.2") for name in been)
    fix = release("2.3.2", passed=rows, type=kind, basedOn={"name": "payments-2.3.1"} if kind == "Hotfix" else None)
    rule = {"hotfix": {"tiers": sorted(tiers), "approvals": [{"role": "cab"}]}}
    plain = change("chg-8", release_name="payments-2.3.2")
    s = entering(where, says() if said else plain, release=fix, calendar=calendar(**rule))
    index = WAY.index(where)
    if kind == "Scheduled":
        wanted = {WAY[index - 1]}
    else:
        path = tiers if said and TIERS[index] in tiers else set(TIERS)
        wanted = {name for name, tier in zip(WAY[:index], TIERS, strict=False) if tier in path}
        wanted |= {"uat"} if where == "production" else set()
    open_ = next(v.verdict.open for v in evaluate_all(s, NOW) if v.gate == reasons.ORDER)
    assert open_ is (wanted <= been)
