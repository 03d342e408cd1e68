"""A world in which every gate is open, and short ways to spoil it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from lockflight.api.changerecords import Review, Submission
from lockflight.api.changerequest import Approval, ChangePhase, ChangePlan, ChangeRequest, Observed, Use
from lockflight.api.common import (
    CANARY,
    CREATOR_ANNOTATION,
    EDITORS_ANNOTATION,
    ENVIRONMENT_LABEL,
    STACK_LABEL,
    TIER_LABEL,
)
from lockflight.api.environment import Environment
from lockflight.api.freezewindow import FreezeWindow
from lockflight.api.promotion import (
    Execution,
    GateStatus,
    Outcome,
    Phase,
    PlannedComponentStatus,
    PlanStatus,
    Promotion,
    SignOff,
)
from lockflight.api.release import Passage, Release
from lockflight.api.releasecalendar import ReleaseCalendar
from lockflight.policy.digest import change_digest
from lockflight.policy.drift import Drift
from lockflight.policy.effective import effective
from lockflight.policy.gates import evaluate_all
from lockflight.policy.labels import short
from lockflight.policy.ladder import Ladder
from lockflight.policy.model import (
    Effective,
    HelmStatus,
    Namespace,
    Part,
    Plan,
    PlannedComponent,
    Revision,
    Snapshot,
    Verdict,
)
from lockflight.policy.rights import Question, Rights
from lockflight.policy.selftest import Admission

NOW = datetime(2026, 12, 1, 12, 0, tzinfo=UTC)
ONE_HOUR_AGO = NOW - timedelta(hours=1)
TWO_HOURS_AGO = NOW - timedelta(hours=2)
STACK = "payments"
ROOT = "lockflight-system"


def hours(count: float) -> timedelta:
    """That many hours."""
    return timedelta(hours=count)


def digest(text: str) -> str:
    """A digest that is the same for the same text."""
    return "sha256:" + (text.encode().hex() * 64)[:64]


IMAGE = "registry.example/payments@" + digest("image")
OTHER_IMAGE = "registry.example/elsewhere@" + digest("other image")
PLAN_DIGEST = digest("plan")


def meta(name: str, namespace: str = STACK, **given: Any) -> dict[str, Any]:
    """Metadata; ``creator``, ``editors`` and ``created`` in short."""
    annotations = dict(given.pop("annotations", {}))
    if creator := given.pop("creator", "jo@example"):
        annotations[CREATOR_ANNOTATION] = creator
    if editors := given.pop("editors", ()):
        annotations[EDITORS_ANNOTATION] = "\n".join(editors)
    created = given.pop("created", NOW - hours(48))
    return {
        "name": name,
        "namespace": namespace,
        "uid": f"uid-{name}",
        "creationTimestamp": created,
        "annotations": annotations,
        **given,
    }


def environment(name: str = "production", tier: str = "Production", namespace: str = STACK, **spec: Any) -> Environment:
    """An Environment; what its tier's floor asks for is filled in."""
    floor: dict[str, Any] = {}
    if tier == "Production":
        floor["changeControl"] = {"normal": {"approvals": [{"role": "cab", "count": 2}]}}
    if tier == "SystemTest":
        floor["exit"] = {"verification": [{"name": "smoke", "helmTest": {}}]}
    return Environment.model_validate({"metadata": meta(name, namespace), "spec": {"tier": tier, **floor, **spec}})


FIVE = (
    environment("local", "Local"),
    environment("integration", "Integration"),
    environment("system-test", "SystemTest"),
    environment("uat", "UAT"),
    environment("production", "Production"),
)


def passage(name: str = "uat", release: str = "payments-2.4.0", **given: Any) -> Passage:
    """A proof of passing: deployed two days ago, verified, signed off, and running since."""
    long_ago = NOW - hours(48)
    row: dict[str, Any] = {
        "name": name,
        "environment_uid": f"uid-{name}",
        "digest": digest(release),
        "deployed_at": long_ago,
        "verified_at": long_ago,
        "signed_off_at": long_ago,
        "running_since": long_ago,
        "promotion_uid": f"uid-{release}-{name}",
        "images": (IMAGE,),
    }
    return Passage(**{**row, **given})


def release(version: str = "2.4.0", *, passed: Sequence[Passage] | None = None, **spec: Any) -> Release:
    """A Release of one component that passed UAT, unless ``passed`` says otherwise."""
    name = f"payments-{version}"
    rows = (passage("uat", name),) if passed is None else passed
    metadata = meta(name, creator=spec.pop("creator", "ci-robot@example"))
    full = {
        "application": "payments",
        "version": version,
        "source": {"branch": "main", "tag": f"v{version}", "authors": ["ann@example"]},
        "components": [component()],
        "evidence": [
            {"type": kind, "result": "Passed"} for kind in ("static-analysis", "unit-tests", "integration-tests")
        ],
        **spec,
    }
    parts = full["components"] or [{"name": "app"}]
    return Release.model_validate(
        {
            "metadata": metadata,
            "spec": {key: value for key, value in full.items() if value is not None},
            "status": {
                "digest": digest(name),
                "components": [{"name": part["name"], "chartDigest": digest("chart")} for part in parts],
                "environments": [row.dump() for row in rows],
            },
        }
    )


def component(name: str = "app", **given: Any) -> dict[str, Any]:
    """A component as a Release names it."""
    chart = {"oci": "oci://registry.example/charts/payments", "version": "2.4.0", "digest": digest("chart")}
    return {"name": name, "chart": chart, **given}


def planned(*names: str, images: Sequence[str] = (IMAGE,), reversible: bool = True, plan: str = PLAN_DIGEST) -> Plan:
    """A plan of these components."""
    return Plan(
        namespace="payments-production",
        components=tuple(
            PlannedComponent(
                name=name,
                helm_release=f"payments-{name}",
                chart_digest=digest("chart"),
                values_digest=digest("values"),
                manifest_digest=digest("manifest"),
                images=tuple(images),
                reversible=reversible,
            )
            for name in names or ("app",)
        ),
        digest=plan,
        parts=tuple(part(f"payments-{name}", "2.4.0") for name in names or ("app",)),
    )


def part(name: str = "payments-app", version: str = "2.3.1") -> Part:
    """A Helm release with one Deployment, whose image is another in every version."""
    return Part(
        name=name,
        chart="payments",
        chart_version=version,
        chart_digest="",
        values={},
        objects={"Deployment/payments": digest(version)},
    )


def approval(by: str | None, role: str = "cab", decision: str = "Approved", **given: Any) -> Approval:
    """One person's decision, bound to generation 1 and the plan of the world."""
    bound = {"generation": 1, "plan_digest": change_digest([ChangePlan(environment="production", digest=PLAN_DIGEST)])}
    return Approval.model_validate({"role": role, "decision": decision, "by": by, **bound, **given})


def reviewed(by: str | None = "carla@example", outcome: str = "Successful", **given: Any) -> Review:
    """One person's judgement afterwards, on generation 1."""
    entry = {"role": "cab", "outcome": outcome, "summary": "as planned", "by": by, "generation": 1}
    return Review.model_validate({**entry, **given})


TWO_OF_CAB = (approval("alice@example"), approval("bob@example"))


def change(
    name: str = "chg-1042",
    *,
    approvals: Sequence[Approval] = TWO_OF_CAB,
    seen: datetime = ONE_HOUR_AGO,
    phase: ChangePhase = ChangePhase.SCHEDULED,
    used_by: Sequence[Use] = (),
    plans: Mapping[str, str] | None = None,
    creator: str | None = "jo@example",
    editors: Sequence[str] = (),
    generation: int = 1,
    release_name: str = "payments-2.4.0",
    submissions: Sequence[Submission] = (),
    review: Sequence[Review] = (),
    **spec: Any,
) -> ChangeRequest:
    """A normal change for production, approved by two of the board."""
    rows = tuple(
        ChangePlan(environment=env, digest=plan) for env, plan in (plans or {"production": PLAN_DIGEST}).items()
    )
    full = {
        "type": "Normal",
        "title": "Payments",
        "reason": "features",
        "requestedBy": "rita@example",
        "releaseRef": {"name": release_name},
        "environments": ["production"],
        "risk": {"assessment": "nothing that the tests would not show"},
        "rollbackPlan": {"strategy": "HelmRollback"},
        **spec,
    }
    made = ChangeRequest.model_validate(
        {
            "metadata": meta(name, creator=creator, editors=editors, generation=generation),
            "spec": {key: value for key, value in full.items() if value is not None},
        }
    )
    status = made.status.model_copy(
        update={
            "phase": phase,
            "plans": rows,
            "plan_digest": change_digest(rows),
            "approvals": tuple(approvals),
            "observed": tuple(Observed(index=i, at=seen) for i in range(len(approvals))),
            "used_by": tuple(used_by),
            "submissions": tuple(submissions),
            "review": tuple(review),
            "observed_generation": generation,
        }
    )
    return made.model_copy(update={"status": status})


def use(uid: str, *, at: datetime = TWO_HOURS_AGO, finished: bool = False, environment: str = "production") -> Use:
    """A use of a change's approval."""
    return Use(environment=environment, promotion_uid=uid, plan_digest=PLAN_DIGEST, at=at, finished=finished)


def promotion(
    name: str = "payments-2.4.0-production",
    *,
    release_name: str = "payments-2.4.0",
    to: str = "production",
    phase: Phase | None = Phase.WAITING,
    gates: Mapping[str, Outcome] | None = None,
    created: datetime = TWO_HOURS_AGO,
    started: datetime | None = None,
    deployed: datetime | None = None,
    verified: datetime | None = None,
    finished: datetime | None = None,
    remediation: str | None = None,
    release_digest: str | None = None,
    images: Sequence[str] = (IMAGE,),
    sign_offs: Sequence[SignOff] = (),
    generation: int = 1,
    **spec: Any,
) -> Promotion:
    """A Promotion of the world's release to production."""
    made = Promotion.model_validate(
        {
            "metadata": meta(name, created=created, generation=generation),
            "spec": {"releaseRef": {"name": release_name}, "environmentRef": {"name": to}, **spec},
        }
    )
    execution = (
        Execution.model_validate(
            {"holder": "operator-1", "fencing": 1, "startedAt": started, "remediation": remediation}
        )
        if started
        else None
    )
    status = made.status.model_copy(
        update={
            "phase": phase,
            "gates": tuple(
                GateStatus(name=gate, outcome=outcome, reason=outcome.value) for gate, outcome in (gates or {}).items()
            ),
            "execution": execution,
            "deployed_at": deployed,
            "verified_at": verified,
            "finished_at": finished,
            "release_digest": (release_digest or digest(release_name)) if started else None,
            "plan": plan_status(images),
            "sign_offs": tuple(sign_offs),
        }
    )
    return made.model_copy(update={"status": status})


def plan_status(images: Sequence[str] = (IMAGE,), plan: str = PLAN_DIGEST) -> PlanStatus:
    """A plan as a Promotion's status shows it."""
    return PlanStatus(
        digest=plan,
        namespace="payments-production",
        components=(
            PlannedComponentStatus(
                name="app",
                chart_digest=digest("chart"),
                values_digest=digest("values"),
                manifest_digest=digest("manifest"),
                images=tuple(images),
            ),
        ),
    )


def freeze(name: str = "year-end", namespace: str = ROOT, **spec: Any) -> FreezeWindow:
    """A freeze of production in Berlin that covers NOW."""
    full = {
        "reason": "Year end",
        "timeZone": "Europe/Berlin",
        "start": "2026-11-30T18:00:00",
        "end": "2026-12-05T00:00:00",
        "environments": {"tiers": ["Production"]},
        **spec,
    }
    given = {key: value for key, value in full.items() if value is not None}
    return FreezeWindow.model_validate({"metadata": meta(name, namespace), "spec": given})


def calendar(name: str = "four-weekly", namespace: str = STACK, **spec: Any) -> ReleaseCalendar:
    """Two-week sprints from 2 November 2026 in Berlin, two of them a train, unless ``spec`` says otherwise."""
    full = {"timeZone": "Europe/Berlin", "sprint": {"start": "2026-11-02"}, **spec}
    return ReleaseCalendar.model_validate({"metadata": meta(name, namespace), "spec": full})


def revision(number: int = 1, version: str = "2.3.1", **given: Any) -> Revision:
    """A revision in Helm's storage that a promotion of that version made."""
    values: dict[str, Any] = {
        "helm_release": "payments-app",
        "revision": number,
        "status": HelmStatus.DEPLOYED,
        "release_digest": short(digest(f"payments-{version}")),
        "plan": short(PLAN_DIGEST),
        "promotion_uid": f"uid-payments-{version}-production",
        "version": version,
    }
    return Revision(**{**values, **given})


BEFORE = release("2.3.1", passed=(passage("production", "payments-2.3.1"),))
"""What ran in production before, verified."""


class _Everybody(Rights):
    """Everybody holds every role by name, and nothing else."""

    def may(self, question: Question) -> bool | None:
        return CANARY not in (question.verb, question.resource) and question.verb != "create"


EVERYBODY = _Everybody()


def world(**given: Any) -> Snapshot:
    """Release 2.4.0 on its way to production over 2.3.1, approved: every gate is open. ``given`` replaces fields."""
    stack: Sequence[Environment] = given.pop("stack_environments", FIVE)
    where: Environment = given.pop("environment", next(e for e in stack if e.metadata.name == "production"))
    tier = where.spec.tier.value
    made: Release | None = given.pop("release", release())
    governed = {e.metadata.name: effective(e, None, stack) for e in (*stack, where)}
    name = where.metadata.name
    base = Snapshot(
        stack=STACK,
        promotion=promotion(to=name),
        release=made,
        environment=where,
        effective=governed[name],
        upstream=_upstream(governed, name, whole=made is not None and made.spec.type == "Hotfix"),
        production=frozenset(e.metadata.name for e in (*stack, where) if e.spec.tier.value == "Production"),
        upstream_uids={e.metadata.name: e.metadata.uid for e in stack},
        changes=(change(),),
        namespace=Namespace(f"payments-{name}", {STACK_LABEL: STACK, ENVIRONMENT_LABEL: name, TIER_LABEL: tier}),
        deployer_may=True,
        rights=EVERYBODY,
        evidence_rights=EVERYBODY,
        rule_rights={STACK: EVERYBODY, ROOT: EVERYBODY},
        admission=Admission(),
        ladder=Ladder(()),
        plan=planned(),
        revisions=(revision(),),
        running=(part(),),
        drift=Drift(revisions="payments-api:1"),
        peer_releases={r.metadata.name: r for r in (BEFORE, made) if r is not None},
    )
    full = replace(base, **given)
    if "here" in given or where.spec.tier.value != "Production":
        return full
    return replace(full, here=tuple(_deployed(full)))


def _deployed(s: Snapshot) -> Iterator[Release]:
    """The releases of what runs: those that the snapshot knows, else some other."""
    known = {short(r.status.digest): r for r in s.peer_releases.values() if r.status.digest}
    for row in {r.release_digest: r for r in s.revisions if r.status is HelmStatus.DEPLOYED}.values():
        other = release("0.0.1")
        status = other.status.model_copy(update={"digest": f"sha256:{row.release_digest:0<64}"})
        spec = other.spec.model_copy(update={"version": row.version.replace("_", "+")})
        yield known.get(row.release_digest) or other.model_copy(update={"spec": spec, "status": status})


def _upstream(governed: Mapping[str, Effective], name: str, *, whole: bool) -> dict[str, Effective]:
    found: dict[str, Effective] = {}
    ahead = list(governed[name].promotes_from)
    while ahead:
        up = ahead.pop()
        if up in governed and up not in found:
            found[up] = governed[up]
            ahead += governed[up].promotes_from if whole else ()
    return found


def verdict(gate: str, s: Snapshot, now: datetime = NOW) -> Verdict:
    """What one gate says, asked the way the operator asks."""
    return next(row.verdict for row in evaluate_all(s, now) if row.gate == gate)


INCIDENT = {"id": "INC-77", "severity": "Sev1", "openedAt": ONE_HOUR_AGO}
EMERGENCY = {
    "approvals": [{"role": "ecab", "count": 1}],
    "bypass": ["Soak", "Cadence", "ChangeWindow", "ReviewDebt", "SignOffs", "Evidence", "Order"],
    "orderDownTo": "SystemTest",
    "ratify": {"approvals": [{"role": "cab", "count": 2}]},
}
"""A rule of production that lets an emergency skip all that may be skipped."""


def lenient(**given: Any) -> Environment:
    """Production that accepts emergencies; ``given`` replaces parts of the rule."""
    rule = {key: value for key, value in {**EMERGENCY, **given}.items() if value is not None}
    return environment(changeControl={"normal": {"approvals": [{"role": "cab", "count": 2}]}, "emergency": rule})


def emergency(name: str = "chg-77", **given: Any) -> ChangeRequest:
    """An emergency for production that one of the emergency board let through."""
    full = {"type": "Emergency", "incident": INCIDENT, "risk": None, **given}
    return change(name, **{"approvals": (approval("erin@example", "ecab"),), **full})
