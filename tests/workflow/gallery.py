"""Objects as the operator leaves them, one for each situation of each kind, and what GitOps tools must make of them."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from lockflight.api.common import API_VERSION, CREATOR_ANNOTATION, EDITORS_ANNOTATION
from lockflight.policy.glass import BrokenGlass
from lockflight.policy.model import Namespace
from tests.workflow.test_activity import raised
from tests.workflow.test_drift import look, running, scaled
from tests.workflow.test_governance import BASE, BOARD, _put
from tests.workflow.world import INTEGRATION, PRODUCTION, SMOKE, FakeWorld

ROBOT = "system:serviceaccount:argocd:argocd-application-controller"
ENDLESS = {"reason": "stop", "timeZone": "UTC", "start": "2020-01-01T00:00:00"}


@dataclass(frozen=True)
class Situation:
    """``make`` leads to it; ``argo``, ``kstatus`` and ``flux`` are what must be shown of ``kind`` ``name`` then.

    ``phase`` is the phase as which it was seen, where the end is another one.
    """

    kind: str
    about: str
    make: Callable[[FakeWorld], Awaitable[str]]
    argo: str
    kstatus: str
    flux: str
    phase: str | None = None

    def __str__(self) -> str:
        return f"{self.kind} {self.about}"


SITUATIONS: list[Situation] = []
Make = Callable[[FakeWorld], Awaitable[str]]


def shows(
    kind: str, about: str, argo: str, kstatus: str, flux: str | None = None, phase: str | None = None
) -> Callable[[Make], Make]:
    """Enter what is decorated; Flux shows what kstatus says unless told otherwise."""

    def enter(make: Make) -> Make:
        SITUATIONS.append(Situation(kind, about, make, argo, kstatus, flux or kstatus, phase))
        return make

    return enter


# Promotions


@shows("Promotion", "waits for an approval", "Suspended", "InProgress")
async def unapproved(fake: FakeWorld) -> str:
    await fake.environment("production", PRODUCTION)
    release = await fake.release("1.0.0")
    await fake.change("chg-1", release)
    return await fake.promote(release, "production")


@shows("Promotion", "is frozen", "Suspended", "InProgress")
async def frozen(fake: FakeWorld) -> str:
    await fake.environment("integration", INTEGRATION)
    await fake.freeze()
    return await fake.promote(await fake.release("1.0.0"), "integration")


@shows("Promotion", "deploys", "Progressing", "InProgress", phase="Deploying")
@shows("Promotion", "is verified", "Progressing", "InProgress", phase="Verifying")
@shows("Promotion", "succeeded", "Healthy", "Current")
async def deployed(fake: FakeWorld) -> str:
    await fake.environment("integration", {**INTEGRATION, "exit": SMOKE})
    return await fake.promote(await fake.release("1.0.0"), "integration")


@shows("Promotion", "waits for a verification by others", "Suspended", "InProgress")
async def unverified(fake: FakeWorld) -> str:
    check = {"name": "pen-test", "external": {"role": "security", "timeout": "72h"}}
    await fake.environment("integration", {**INTEGRATION, "exit": {"verification": [check]}})
    return await fake.promote(await fake.release("1.0.0"), "integration")


@shows("Promotion", "waits for a sign-off", "Suspended", "InProgress")
async def unsigned(fake: FakeWorld) -> str:
    await fake.environment("integration", {**INTEGRATION, "exit": {"signOffs": [{"role": "qa"}]}})
    return await fake.promote(await fake.release("1.0.0"), "integration")


@shows("Promotion", "was taken back", "Degraded", "Failed")
async def taken_back(fake: FakeWorld) -> str:
    await fake.environment("integration", {**INTEGRATION, "exit": SMOKE})
    return await fake.promote(await fake.release("1.0.0", values={"app": {"failTest": True}}), "integration")


@shows("Promotion", "failed", "Degraded", "Failed")
async def failed(fake: FakeWorld) -> str:
    await fake.environment("integration", {**INTEGRATION, "onFailure": "Hold"})
    return await fake.promote(await fake.release("1.0.0", values={"app": {"unschedulable": True}}), "integration")


@shows("Promotion", "was rejected", "Suspended", "Failed")
async def rejected(fake: FakeWorld) -> str:
    name = await unapproved(fake)
    await fake.settle()
    await fake.approve("chg-1", decision="Rejected")
    return name


@shows("Promotion", "expired", "Suspended", "Failed")
async def expired(fake: FakeWorld) -> str:
    await fake.freeze()
    name = await unapproved(fake)
    await fake.settle()
    await fake.approve("chg-1")
    await fake.settle()
    await fake.later(hours=169)
    return name


@shows("Promotion", "was aborted", "Suspended", "Failed")
async def aborted(fake: FakeWorld) -> str:
    name = await frozen(fake)
    await fake.settle()
    await fake.edit("Promotion", name, abort=True)
    return name


@shows("Promotion", "was superseded", "Suspended", "Failed")
async def superseded(fake: FakeWorld) -> str:
    name = await frozen(fake)
    await fake.settle()
    await fake.later(minutes=1)
    await fake.promote(await fake.release("1.1.0"), "integration")
    return name


# Changes


@shows("ChangeRequest", "of a robot waits for a person", "Suspended", "InProgress")
async def new(fake: FakeWorld) -> str:
    await unapproved(fake)
    raw = await fake.raw("ChangeRequest", "chg-1")
    raw["metadata"]["annotations"][CREATOR_ANNOTATION] = ROBOT
    await fake.write(raw)
    return "chg-1"


@shows("ChangeRequest", "lacks its assessment", "Suspended", "InProgress")
async def unassessed(fake: FakeWorld) -> str:
    await fake.environment("production", PRODUCTION)
    return await fake.change("chg-1", await fake.release("1.0.0"), risk=None)


@shows("ChangeRequest", "waits for the board", "Suspended", "InProgress")
async def asked(fake: FakeWorld) -> str:
    await fake.environment("production", PRODUCTION)
    return await fake.change("chg-1", await fake.release("1.0.0"))


@shows("ChangeRequest", "may be carried out", "Healthy", "Current")
async def authorised(fake: FakeWorld) -> str:
    name = await asked(fake)
    await fake.settle()
    await fake.approve(name)
    return name


@shows("ChangeRequest", "is approved and waits for its schedule", "Suspended", "Current", "InProgress")
async def scheduled(fake: FakeWorld) -> str:
    now = fake.clock.now()
    times = {"start": (now + timedelta(hours=2)).isoformat(), "end": (now + timedelta(hours=4)).isoformat()}
    await fake.environment("production", PRODUCTION)
    name = await fake.change("chg-1", await fake.release("1.0.0"), schedule=times)
    await fake.settle()
    await fake.approve(name)
    return name


@shows("ChangeRequest", "is approved and frozen", "Suspended", "Current", "InProgress")
async def approved_in_a_freeze(fake: FakeWorld) -> str:
    await fake.freeze()
    return await authorised(fake)


@shows("ChangeRequest", "is held", "Suspended", "InProgress")
async def held(fake: FakeWorld) -> str:
    name = await authorised(fake)
    await fake.settle()
    await fake.edit("ChangeRequest", name, hold={"reason": "wait for the database team"})
    return name


@shows("ChangeRequest", "of an exercise that goes on", "Healthy", "Current")
async def exercise(fake: FakeWorld) -> str:
    await raised(fake)
    await fake.approve("chg-1")
    await fake.settle()
    await fake.later(hours=1)
    return "chg-1"


@shows("ChangeRequest", "of an exercise that a freeze stops", "Progressing", "Current", "InProgress")
async def stopped(fake: FakeWorld) -> str:
    name = await exercise(fake)
    await fake.freeze()
    return name


@shows("ChangeRequest", "waits for its review", "Suspended", "Current", "InProgress")
async def carried_out(fake: FakeWorld) -> str:
    name = await authorised(fake)
    await fake.promote("payments-1.0.0", "production")
    return name


@shows("ChangeRequest", "is closed", "Healthy", "Current", "Failed")
async def closed(fake: FakeWorld) -> str:
    name = await carried_out(fake)
    await fake.settle()
    await fake.review(name)
    return name


@shows("ChangeRequest", "was rejected", "Suspended", "Failed")
async def turned_down(fake: FakeWorld) -> str:
    name = await asked(fake)
    await fake.settle()
    await fake.approve(name, decision="Rejected")
    return name


@shows("ChangeRequest", "expired", "Suspended", "Failed")
async def never_used(fake: FakeWorld) -> str:
    await expired(fake)
    return "chg-1"


@shows("ChangeRequest", "was cancelled", "Suspended", "Failed")
async def cancelled(fake: FakeWorld) -> str:
    name = await asked(fake)
    await fake.settle()
    await fake.edit("ChangeRequest", name, cancel={"reason": "not needed"})
    return name


# Releases


@shows("Release", "is resolved", "Healthy", "Current")
async def resolved(fake: FakeWorld) -> str:
    return await fake.release("1.0.0")


@shows("Release", "is held", "Suspended", "InProgress")
async def held_release(fake: FakeWorld) -> str:
    return await fake.release("1.0.0", hold={"reason": "found in triage"})


@shows("Release", "waits for its registry", "Progressing", "InProgress")
async def registry_down(fake: FakeWorld) -> str:
    fake.charts.down = True
    return await fake.release("1.0.0")


@shows("Release", "has a chart that is not there", "Degraded", "Failed")
async def no_chart(fake: FakeWorld) -> str:
    part = {"name": "app", "chart": {**fake.chart(), "digest": "sha256:" + "f" * 64}}
    return await fake.release("1.0.0", components=[part])


# Rule objects


@shows("Environment", "is open", "Healthy", "Current")
async def governed(fake: FakeWorld) -> str:
    await fake.environment("production", PRODUCTION)
    return "production"


@shows("Environment", "falls short of its tier", "Degraded", "InProgress")
async def not_governed(fake: FakeWorld) -> str:
    await fake.environment("production", {**PRODUCTION, "calendarRef": {"name": "nowhere"}})
    return "production"


@shows("Environment", "has broken glass", "Degraded", "Current")
async def broken(fake: FakeWorld) -> str:
    await governed(fake)
    await fake.settle()
    name, until = "payments-production", fake.clock.now() + timedelta(hours=1)
    labels = fake.cluster.namespaces[name].labels
    fake.cluster.namespaces[name] = Namespace(name, labels, glass=BrokenGlass("jo", "INC-1", until))
    fake.process.store.put_namespace(fake.cluster.namespaces[name])
    await fake.edit("Environment", "production", soak="1h")
    return "production"


@shows("Environment", "is not as it was promoted", "Degraded", "Current")
async def scaled_by_hand(fake: FakeWorld) -> str:
    await running(fake)
    await look(fake)
    fake.helm.mutate = scaled()
    for _ in range(5):
        await look(fake)
    return "integration"


@shows("Environment", "waits for those who govern it", "Suspended", "Current")
async def not_approved(fake: FakeWorld) -> str:
    _put(fake, BASE, {"tier": "Production", "governance": BOARD})
    return await governed(fake)


@shows("FreezeWindow", "holds", "Healthy", "Current")
async def freezing(fake: FakeWorld) -> str:
    await fake.freeze("stop")
    return "stop"


@shows("FreezeWindow", "cannot be read", "Degraded", "InProgress")
async def bad_freeze(fake: FakeWorld) -> str:
    await fake.create("FreezeWindow", "stop", {**ENDLESS, "timeZone": "Mars/Olympus"})
    return "stop"


@shows("FreezeWindow", "waits for its lifting to be approved", "Suspended", "Current")
async def to_be_lifted(fake: FakeWorld) -> str:
    spec = {**ENDLESS, "override": {"approvals": [{"role": "cab", "count": 2}]}}
    await fake.create("FreezeWindow", "stop", spec)
    await fake.settle()
    raw = await fake.raw("FreezeWindow", "stop")
    raw["metadata"]["annotations"][EDITORS_ANNOTATION] = "lena"
    await fake.write({**raw, "spec": {**spec, "lift": {"reason": "it is mended"}}})
    return "stop"


@shows("ReleaseCalendar", "counts trains", "Healthy", "Current")
async def calendar(fake: FakeWorld) -> str:
    await fake.create("ReleaseCalendar", "monthly", {"timeZone": "Europe/Berlin", "sprint": {"start": "2026-11-02"}})
    return "monthly"


@shows("ReleaseCalendar", "cannot be read", "Degraded", "InProgress")
async def bad_calendar(fake: FakeWorld) -> str:
    await fake.create("ReleaseCalendar", "monthly", {"timeZone": "Mars/Olympus", "sprint": {"start": "2026-11-02"}})
    return "monthly"


PATTERN = {
    "applications": ["payments"],
    "environments": ["production"],
    "mayChange": ["/image"],
    "kinds": ["Deployment"],
}


@shows("StandardChange", "waits for the board", "Suspended", "InProgress")
async def pattern(fake: FakeWorld) -> str:
    control = {"standard": {"catalogue": [{"role": "cab", "count": 1}]}, **PRODUCTION["changeControl"]}
    await fake.environment("production", {**PRODUCTION, "changeControl": control})
    spec = {"title": "Patch", "pattern": PATTERN, "validUntil": "2099-12-31"}
    await fake.create("StandardChange", "patch", spec)
    return "patch"


@shows("StandardChange", "may be used", "Healthy", "Current")
async def usable(fake: FakeWorld) -> str:
    name = await pattern(fake)
    await fake.settle()
    raw = await fake.raw("StandardChange", name)
    entry = {"role": "cab", "decision": "Approved", "by": "alice", "planDigest": raw["status"]["planDigest"]}
    await fake._append(raw, "approvals", entry)
    return name


async def deputy(fake: FakeWorld, by: str = "alice", begins: int = 0, **more: Any) -> str:
    now = fake.clock.now()
    times = {"start": (now + timedelta(days=begins)).isoformat(), "end": (now + timedelta(days=begins + 2)).isoformat()}
    spec = {"from": "alice", "to": "dan", "roles": ["cab"], "reason": "leave", **times, **more}
    metadata = {"name": "leave", "namespace": "payments", "annotations": {CREATOR_ANNOTATION: by}}
    fake.cluster.put({"apiVersion": API_VERSION, "kind": "Delegation", "metadata": metadata, "spec": spec})
    return "leave"


@shows("Delegation", "counts", "Healthy", "Current")
async def deputising(fake: FakeWorld) -> str:
    return await deputy(fake)


@shows("Delegation", "is to come", "Suspended", "InProgress")
async def later(fake: FakeWorld) -> str:
    return await deputy(fake, begins=1)


@shows("Delegation", "is over", "Healthy", "InProgress", "Current")
async def over(fake: FakeWorld) -> str:
    return await deputy(fake, begins=-3)


@shows("Delegation", "was revoked", "Healthy", "InProgress", "Current")
async def revoked(fake: FakeWorld) -> str:
    return await deputy(fake, revoke={"reason": "back early"})


@shows("Delegation", "was made by a robot", "Degraded", "InProgress", "Failed")
async def robots(fake: FakeWorld) -> str:
    return await deputy(fake, by=ROBOT)
