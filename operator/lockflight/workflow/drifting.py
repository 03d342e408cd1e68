"""Look at what runs in a target, and compare it with what Lockflight last put there."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from lockflight.api.drift import DriftState
from lockflight.api.environment import Environment
from lockflight.api.promotion import Promotion
from lockflight.api.release import Release
from lockflight.policy.baseline import Baseline, baselines, named
from lockflight.policy.digest import canonical_digest
from lockflight.policy.drift import Drift, FieldDrift, confirmed, drift_of, missing, passing, ref_of, suspected
from lockflight.policy.driftrules import ignored_of
from lockflight.policy.facts import Ref
from lockflight.policy.model import Effective, PlanProblem, Revision
from lockflight.policy.ownership import of_application
from lockflight.policy.plan import flat, hidden
from lockflight.policy.pointers import Ignored
from lockflight.ports import ConflictError, GoneError, PortError, RefusedError
from lockflight.workflow.deps import Deps

_HELM = "helm.sh/v3"


async def look(
    deps: Deps, environment: Environment, governed: Effective, application: str, revisions: Sequence[Revision]
) -> Drift | PlanProblem:
    """Compare the target as it is now; ``revisions`` are Helm's storage there, as far as it is the application's."""
    namespace = environment.target_namespace(application)
    base = baselines(revisions, _promotions(deps, environment, application), _expected(deps, environment, application))
    gone = [FieldDrift(Ref(_HELM, "HelmRelease", name), "", "is missing") for name in base.missing]
    gone += [_foreign(revision) for revision in base.foreign]
    try:
        seen = await _compare(deps, namespace, base.releases, Ignored(ignored_of(governed.spec)))
    except _UnreadableError as problem:
        return PlanProblem("HelmStorageUnreadable", str(problem))
    except PortError as problem:
        return PlanProblem("CannotTell", str(problem))
    found = [*gone, *(each for _, fields in seen for each in fields)]
    back = tuple((one.promoted.helm_release, one.promoted.revision) for one, fields in seen if fields)
    lost = (*base.missing, *(revision.helm_release for revision in base.foreign))
    return replace(drift_of(found, namespace, named(revisions), base.unfinished), back=back, lost=lost)


def known(environment: Environment, application: str, revisions: Sequence[Revision]) -> Drift | PlanProblem:
    """What was found when it was last looked at; what was found of other revisions is not said any more."""
    now = named(revisions)
    row = next((r for r in environment.status.drift if r.application == application), None)
    if row is None or row.revisions != now:
        return Drift(revisions=now)
    if row.state is DriftState.UNKNOWN:
        return PlanProblem("CannotTell", row.message)
    found = tuple(
        FieldDrift(Ref("", obj.kind, obj.name), field.path, field.what) for obj in row.objects for field in obj.fields
    )
    return Drift(found, row.digest or "", now, count=row.count)


async def storage(deps: Deps, environment: Environment, application: str, release: str) -> Sequence[Revision]:
    """Helm's storage as far as it is the application's. Raises PortError."""
    stack = environment.metadata.namespace
    also = deps.store.siblings(stack, application).taken_over
    found = await deps.helm.revisions(environment.target_namespace(application), application, also=also)
    known_release = deps.store.get(Release, stack, release)
    if known_release is None:
        names = _expected(deps, environment, application)
        return tuple(r for r in found if r.helm_release in names)
    return of_application(found, known_release, deps.store.applications(stack))


class _UnreadableError(Exception):
    """A revision that is deployed cannot be read."""


async def _compare(
    deps: Deps, namespace: str, releases: Iterable[Baseline], ignored: Ignored
) -> Sequence[tuple[Baseline, Sequence[FieldDrift]]]:
    """What was found of each Helm release."""
    recorded = [(base, *await _recorded(deps, namespace, base)) for base in releases]
    refs = dict.fromkeys(ref_of(obj) for _, _, objects in recorded for obj in objects)
    live = (await deps.cluster.live(namespace, tuple(refs), pods=False)).objects if refs else {}
    found: list[tuple[Baseline, Sequence[FieldDrift]]] = []
    for base, other, objects in recorded:
        fields = [other] if other is not None else []
        for obj in objects:
            there = live.get(ref_of(obj))
            fields += [missing(obj)] if there is None else await _object(deps, namespace, obj, there, ignored)
        found.append((base, fields))
    return found


async def _object(
    deps: Deps, namespace: str, wanted: Mapping[str, Any], there: Mapping[str, Any], ignored: Ignored
) -> Sequence[FieldDrift]:
    """The server is asked only where something looks different: it alone knows which ways of writing are one."""
    found = suspected(wanted, there, ignored)
    if not found:
        return ()
    try:
        return confirmed(wanted, await deps.cluster.reapplied(namespace, wanted), there, ignored)
    except (RefusedError, ConflictError, GoneError):
        # It cannot be what was promoted if that is not even accepted any more.
        return found


async def _recorded(
    deps: Deps, namespace: str, base: Baseline
) -> tuple[FieldDrift | None, Sequence[Mapping[str, Any]]]:
    """What was promoted of one Helm release, and whether Helm's newest revision is something else."""
    newest = await _objects(deps, namespace, base.newest)
    if base.newest == base.promoted:
        if newest is None:
            name = base.newest.helm_release
            msg = f"revision {base.newest.revision} of {name} in {namespace} is not readable as a Helm release"
            raise _UnreadableError(msg)
        return None, newest
    promoted = await _objects(deps, namespace, base.promoted)
    if promoted is None and newest is not None:
        return None, newest
    if promoted is not None and newest is not None and _digest(promoted) == _digest(newest):
        return None, promoted
    return _foreign(base.newest, _digest(newest) if newest is not None else ""), promoted or ()


def _foreign(revision: Revision, value: str = "") -> FieldDrift:
    what = f"is at revision {revision.revision}, which no promotion made"
    return FieldDrift(Ref(_HELM, "HelmRelease", revision.helm_release), "", what, value)


async def _objects(deps: Deps, namespace: str, revision: Revision) -> Sequence[Mapping[str, Any]] | None:
    found = await deps.helm.recorded(namespace, revision.helm_release, revision.revision)
    if found is None:
        return None
    return [item for obj in found.objects for item in flat(obj) if not passing(item)]


def _digest(objects: Sequence[Mapping[str, Any]]) -> str:
    return canonical_digest([hidden(obj) for obj in objects])


def _promotions(deps: Deps, environment: Environment, application: str) -> Sequence[Promotion]:
    """Those into the target, as far as they are still there."""
    stack, name = environment.metadata.namespace, environment.metadata.name
    prefix, also = f"{application}-", deps.store.siblings(stack, application).taken_over
    return [
        p
        for p in deps.store.of(Promotion, stack)
        if p.spec.environment_ref.name == name
        and any(row.helm_release.startswith(prefix) or row.helm_release in also for row in p.status.components)
    ]


def _expected(deps: Deps, environment: Environment, application: str) -> set[str]:
    """The Helm releases that the promotion brought which runs there."""
    row = next((r for r in environment.status.targets if r.application == application), None)
    brought = next(
        (p for p in _promotions(deps, environment, application) if row and p.metadata.uid == row.promotion_uid), None
    )
    return {c.helm_release for c in brought.status.components} if brought is not None else set()
