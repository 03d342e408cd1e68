"""The inputs and outputs of an environment: a row for everything that a gate asks for, and who gives it. Pure."""

from collections.abc import Iterator, Sequence
from typing import Final

from lockflight.api import reasons as gate
from lockflight.api.common import RoleCount, Tier
from lockflight.api.environment import EnvironmentSpec, Item, Verification
from lockflight.policy.evidence import wanted as asked_for
from lockflight.policy.model import Effective

_MOST: Final = 64
_OPERATOR: Final = "the operator"
_TEAM: Final = "the delivery team"


def inputs(environment: Effective) -> tuple[Item, ...]:
    """What must be so before a release comes in, in the order of the gates."""
    if environment.spec.retired:
        return ()
    return tuple(_inputs(environment))[:_MOST]


def outputs(environment: Effective) -> tuple[Item, ...]:
    """What must come out before a release goes further."""
    leave = environment.spec.exit
    if leave is None:
        return ()
    checks = [_checked(check) for check in leave.verification]
    return (*checks, *_people(leave.sign_offs, "sign-off", "sign-off", None))


def _inputs(environment: Effective) -> Iterator[Item]:
    spec = environment.spec
    yield Item(name="a target namespace that is bound", given_by="the platform team", gate=gate.BINDING)
    if spec.governance is not None:
        yield from _people(spec.governance.approvals, "approval of the rules", "approve", gate.RULES)
    else:
        yield Item(name="rules that meet the tier", given_by="the platform team", gate=gate.RULES)
    if spec.tier is Tier.LOCAL:
        yield Item(name="classes of data allowed here", given_by=_TEAM, gate=gate.DATA_POLICY)
        return
    yield from _upstream(environment)
    yield from _build(spec)
    yield Item(name="no hold on release, environment or change", given_by="whoever holds it", gate=gate.HOLD)
    yield Item(name="no lower version than runs here", given_by=_TEAM, gate=gate.VERSION)
    yield Item(name="the applications that the release requires", given_by="their teams", gate=gate.REQUIRES)
    if spec.calendar_ref is not None and spec.tier in (Tier.UAT, Tier.PRODUCTION):
        yield Item(name="a seat on its train", given_by=f"calendar {spec.calendar_ref.name}", gate=gate.CADENCE)
    yield Item(name="no freeze", given_by="those who declared it", gate=gate.FREEZE)
    if (spec.entry is not None and spec.entry.require_window) or spec.change_control is not None:
        by = f"calendar {spec.calendar_ref.name}" if spec.calendar_ref else "the change's schedule"
        yield Item(name="an open window", given_by=by, gate=gate.CHANGE_WINDOW)
    yield from _changes(spec)
    yield Item(name="classes of data allowed here", given_by=_TEAM, gate=gate.DATA_POLICY)
    yield Item(name="access no wider than upstream", given_by="the platform team", gate=gate.ACCESS_LADDER)
    yield Item(name="nothing else under way on the target", given_by=_OPERATOR, gate=gate.CONCURRENCY)
    yield Item(name="no drift", given_by="whoever changed it by hand", gate=gate.DRIFT)
    if spec.tier.rank >= Tier.UAT.rank:
        yield Item(name="admission policies in force", given_by="the platform team", gate=gate.ADMISSION)


def _upstream(environment: Effective) -> Iterator[Item]:
    spec, names = environment.spec, environment.promotes_from
    any_of = " (any of these)" if len(names) > 1 and spec.require is not None and spec.require.value == "Any" else ""
    for name in names:
        yield Item(name=f"passed {name}{any_of}", given_by=f"outputs of {name}", gate=gate.ORDER)
    if spec.soak and names:
        yield Item(name=f"soak {spec.soak} upstream", given_by="time", gate=gate.SOAK)


def _build(spec: EnvironmentSpec) -> Iterator[Item]:
    entry = spec.entry
    if entry is None:
        return
    wanted = [f"merged to {' or '.join(entry.branches)}"] if entry.branches else []
    wanted += ["tagged as its version"] if entry.tagged_only else []
    if wanted:
        yield Item(name=", ".join(wanted)[:256], given_by="the build", gate=gate.SOURCE)
    if entry.images is not None and entry.images.require is not None:
        yield Item(name=f"images by {entry.images.require.value}", given_by="the build", gate=gate.ARTIFACTS)
    waivable = entry.waivable or ()
    for kind in asked_for(spec):
        right = f"attest on evidencetypes/{kind}"
        by = f"{right}, or a waiver" if kind in waivable else right
        word = "signed evidence" if kind in (entry.signed or ()) else "evidence"
        yield Item(name=f"{word} {kind}", given_by=by, gate=gate.EVIDENCE, right=right)


def _changes(spec: EnvironmentSpec) -> Iterator[Item]:
    control = spec.change_control
    if control is None:
        return
    change, board = gate.CHANGE_CONTROL, "approve"
    if control.normal is not None:
        yield from _people(control.normal.approvals, "approval of a normal change", board, change)
        yield from _people(control.normal.high_risk, "approval of one of high risk", board, gate.RISK)
        yield Item(name="an assessment of its risk", given_by="whoever requests the change", gate=gate.RISK)
    if control.emergency is not None:
        yield from _people(control.emergency.approvals, "approval of an emergency instead", board, change)
    if control.standard is not None:
        yield from _people(control.standard.catalogue, "approval of a pattern instead", board, gate.STANDARD_PATTERN)
    yield Item(name="a plan to take it back", given_by="whoever requests the change", gate=gate.ROLLBACK_PLAN)
    yield Item(name="nothing overdue for this target", given_by="whoever owes it", gate=gate.REVIEW_DEBT)


def _people(needs: Sequence[RoleCount], what: str, verb: str, of: str | None) -> Iterator[Item]:
    for need in needs:
        yield Item(
            name=f"{need.count} {what}",
            given_by=f"role {need.role}",
            gate=of,
            right=f"{verb} on approvalroles/{need.role}",
        )


def _checked(check: Verification) -> Item:
    name = f"verification {check.name}"
    if check.external is not None:
        right = f"attest on evidencetypes/{check.external.role}"
        return Item(name=name, given_by=f"role {check.external.role}, within {check.external.timeout}", right=right)
    return Item(name=name, given_by="helm test" if check.helm_test else "a Job in the target")
