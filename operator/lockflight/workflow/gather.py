"""Gather what the gates look at: from the store to show, from fresh reads to act."""

import asyncio
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields, replace
from datetime import datetime
from itertools import chain
from typing import Any

from lockflight.api import reasons
from lockflight.api.changerequest import ChangeRequest
from lockflight.api.common import STACK_LABEL, Tier
from lockflight.api.conditions import find
from lockflight.api.delegation import Delegation
from lockflight.api.drift import DriftMode
from lockflight.api.environment import Environment
from lockflight.api.freezewindow import FreezeWindow
from lockflight.api.kinds import AnyObject, Living
from lockflight.api.promotion import Action, Phase, Promotion
from lockflight.api.release import Release, ReleaseType
from lockflight.policy import bulk, evidence
from lockflight.policy.drift import Drift
from lockflight.policy.driftrules import mode_of
from lockflight.policy.effective import effective
from lockflight.policy.emergency import is_emergency
from lockflight.policy.entitlement import asked, by_function, independence_unheld
from lockflight.policy.labels import short, version_label
from lockflight.policy.model import Effective, HelmStatus, PlanProblem, Revision, Snapshot
from lockflight.policy.ownership import of_application
from lockflight.policy.rights import Question
from lockflight.policy.risk import rehearsals
from lockflight.policy.ruleasked import baseline_of
from lockflight.policy.rulebook import RULE_KINDS
from lockflight.policy.selftest import Admission
from lockflight.policy.visits import Visits
from lockflight.policy.withdrawal import may_have_lost
from lockflight.ports import GoneError, PortError
from lockflight.workflow import catalogue, dependents, drifting, selftest
from lockflight.workflow.bulkrights import entitled
from lockflight.workflow.calendars import calendar_of, read_again
from lockflight.workflow.deps import Deps
from lockflight.workflow.indexes import Index
from lockflight.workflow.keys import Key
from lockflight.workflow.labelled import labelled
from lockflight.workflow.laddered import laddered
from lockflight.workflow.neighbours import neighbours
from lockflight.workflow.owing import owing
from lockflight.workflow.plancache import Planned
from lockflight.workflow.planning import plan_for, planned_removal
from lockflight.workflow.recorded_plan import CHARTS_GONE, recorded_plan
from lockflight.workflow.rights import answers
from lockflight.workflow.ruling import rights
from lockflight.workflow.signing import signed

_RULES = ("Environment", "FreezeWindow", "ReleaseCalendar")


@dataclass(frozen=True, slots=True)
class Gathered:
    """A snapshot, and the plan in a form that can be carried out."""

    snapshot: Snapshot
    planned: Planned | None = None
    rules: tuple[Living, ...] = ()
    """The rule objects that were read for it."""


@dataclass(frozen=True, slots=True)
class _Objects:
    promotion: Promotion
    release: Release | None
    environments: tuple[Environment, ...]
    baselines: tuple[Environment, ...]
    changes: tuple[ChangeRequest, ...]
    freezes: tuple[FreezeWindow, ...]
    delegations: tuple[Delegation, ...]
    hotfix_changes: tuple[ChangeRequest, ...] = ()

    def rules(self) -> tuple[Living, ...]:
        """Every rule object among them, each once."""
        groups = (value for f in fields(self) if isinstance(value := getattr(self, f.name), tuple))
        found = {obj.metadata.uid: obj for group in groups for obj in group if obj.kind in RULE_KINDS}
        return tuple(found.values())


async def shown(deps: Deps, promotion: Promotion) -> Gathered:
    """Good enough to show and to wait by: our objects come from the store."""
    return await _complete(deps, _from_store(deps, promotion), read_again=False)


async def fresh(deps: Deps, promotion: Promotion) -> Gathered:
    """Read again what the decision rests on. Raises PortError; GoneError where the promotion is gone."""
    objects = await _from_server(deps, promotion)
    return replace(await _complete(deps, objects, read_again=True), rules=objects.rules())


async def beside(deps: Deps, promotion: Promotion) -> Snapshot:
    """What counting sign-offs needs, from the store: nothing of it is asked of Helm or the registry."""
    return await _with_rights(deps, _judged(deps, _from_store(deps, promotion)), fresh=False)


async def beside_fresh(deps: Deps, promotion: Promotion) -> Snapshot:
    """What counting sign-offs needs, read again. Raises PortError; GoneError where the promotion is gone."""
    return await _with_rights(deps, _judged(deps, await _from_server(deps, promotion)), fresh=True)


def stack_effective(deps: Deps, environment: Environment) -> Effective:
    """An environment with its baseline, from the store."""
    return resolve(
        deps,
        environment,
        tuple(deps.store.of(Environment, deps.options.root_namespace)),
        tuple(deps.store.of(Environment, environment.metadata.namespace)),
    )


def resolve(
    deps: Deps, environment: Environment, baselines: Iterable[Environment], stack: Iterable[Environment]
) -> Effective:
    """An environment with its tier's baseline filled in; a rule that cannot be read closes what it might bind."""
    baseline = baseline_of(baselines, environment.spec.tier)
    governed = effective(environment, baseline, tuple(stack))
    places = (environment.metadata.namespace, deps.options.root_namespace)
    unread = sorted(
        f"{key} cannot be read ({problem}): mend it"
        for key, problem in deps.store.broken.items()
        if key.kind in _RULES and key.namespace in places
    )
    stack_namespace = deps.store.namespaces.get(environment.metadata.namespace)
    unheld = independence_unheld(governed, stack_namespace.labels if stack_namespace else {})
    return replace(governed, problems=(*governed.problems, *unheld, *unread))


def _standard(deps: Deps, objects: _Objects) -> dict[str, Any]:
    """The StandardChange that its one change follows, with its uses."""
    found = catalogue.followed(deps, objects.changes[0]) if len(objects.changes) == 1 else None
    return {"standard": found, "standard_uses": catalogue.uses(deps, found)} if found else {}


def candidates(deps: Deps, promotion: Promotion) -> tuple[ChangeRequest, ...]:
    """The change it runs under or refers to; else the ones not ended that name release and environment.

    Where none is open, the one that ended unapproved while the promotion waited: that is its answer.
    """
    stack, environment = promotion.metadata.namespace, promotion.spec.environment_ref.name
    name = promotion.status.change or _referred(promotion)
    if name is not None:
        found = _called(deps, stack, name)
        return (found,) if found else ()
    there = deps.store.by(ChangeRequest, Index.CHANGES_FOR, stack, environment)
    meant = [change for change in there if _means(change, promotion)]
    meant += [whole for whole, mine in bulk_changes(deps, stack) if _means(mine, promotion)]
    current = tuple(c for c in meant if c.status.phase is None or not c.status.phase.ended)
    answers = {at: c for c in meant if (at := _answered_at(c, promotion)) is not None}
    return current or ((answers[max(answers)],) if answers else ())


def bulk_changes(deps: Deps, stack: str) -> Iterator[tuple[ChangeRequest, ChangeRequest]]:
    """The bulk changes that name a release of ``stack``, each with what it is to that stack."""
    root = deps.options.root_namespace
    for whole in deps.store.of(ChangeRequest, root) if stack != root else ():
        mine = bulk.part(whole, stack) if whole.spec.releases is not None else None
        if mine is not None:
            yield whole, mine


def _referred(promotion: Promotion) -> str | None:
    """The name of the change that its spec refers to, with the namespace where that is another one."""
    ref, stack = promotion.spec.change_request_ref, promotion.metadata.namespace
    if ref is None or ref.namespace in (None, stack):
        return ref.name if ref else None
    return bulk.qualified(ref.namespace or "", ref.name)


def _called(deps: Deps, stack: str, name: str) -> ChangeRequest | None:
    """A change of the stack, or a bulk change of the operator's namespace that names it: nothing else permits here."""
    place, apart, plain = name.rpartition("/")
    if not apart:
        found = deps.store.get(ChangeRequest, stack, plain)
        return found if found is not None and found.spec.releases is None else None
    wholes = (whole for whole, _ in bulk_changes(deps, stack) if bulk.called(whole, stack) == name)
    return next(wholes, None) if place == deps.options.root_namespace else None


def saying_hotfix(deps: Deps, release: Release | None) -> tuple[ChangeRequest, ...]:
    """The changes not ended that name a release of type Hotfix; for another there are none."""
    if release is None or release.spec.type is not ReleaseType.HOTFIX:
        return ()
    return tuple(
        change
        for change in deps.store.of(ChangeRequest, release.metadata.namespace)
        if change.spec.release == release.metadata.name
        and not (change.status.phase is not None and change.status.phase.ended)
    )


def _means(change: ChangeRequest, promotion: Promotion) -> bool:
    """It names release and environment. A rollback runs under the change that brought in what it takes back."""
    environment = promotion.spec.environment_ref.name
    if environment not in change.spec.environments or change.spec.removes is not _removes(promotion):
        return False
    return change.spec.release == promotion.spec.release_ref.name or (
        promotion.spec.action is Action.ROLLBACK
        and any(use.environment == environment for use in change.status.used_by)
    )


async def _recorded(
    deps: Deps, snapshot: Snapshot, release: Release, environment: Environment, governed: Effective
) -> Planned | None:
    """The way back out of Helm's history; None where that does not hold it, or cannot be read."""
    try:
        return await recorded_plan(deps, snapshot, release, environment, governed)
    except PortError:
        return None


def _goes_back(promotion: Promotion) -> bool:
    return promotion.spec.action is Action.ROLLBACK


def _removes(promotion: Promotion) -> bool:
    return promotion.spec.action is Action.REMOVE


def _answered_at(change: ChangeRequest, promotion: Promotion) -> datetime | None:
    """When it was rejected, expired or cancelled, if the promotion was there by then."""
    said, created = find(change.status.conditions, reasons.APPROVED), promotion.metadata.creation_timestamp
    if change.status.phase is None or not change.status.phase.ended or said is None or said.status != "False":
        return None
    return said.last_transition_time if created is None or said.last_transition_time >= created else None


def _from_store(deps: Deps, promotion: Promotion) -> _Objects:
    store, stack, root = deps.store, promotion.metadata.namespace, deps.options.root_namespace
    release = store.get(Release, stack, promotion.spec.release_ref.name)
    return _Objects(
        promotion=promotion,
        release=release,
        hotfix_changes=saying_hotfix(deps, release),
        environments=tuple(store.of(Environment, stack)),
        baselines=tuple(store.of(Environment, root)),
        changes=candidates(deps, promotion),
        delegations=tuple(d for ns in dict.fromkeys((root, stack)) for d in store.of(Delegation, ns)),
        freezes=store.listed(FreezeWindow, root, stack),
    )


async def _from_server(deps: Deps, promotion: Promotion) -> _Objects:
    cluster, stack, root = deps.cluster, promotion.metadata.namespace, deps.options.root_namespace
    singles = asyncio.gather(
        cluster.get("Promotion", stack, promotion.metadata.name),
        cluster.get("Release", stack, promotion.spec.release_ref.name),
        *(cluster.get("ChangeRequest", c.metadata.namespace, c.metadata.name) for c in candidates(deps, promotion)),
    )
    lists = asyncio.gather(
        cluster.list("Environment", stack),
        cluster.list("Environment", root),
        cluster.list("FreezeWindow", stack),
        cluster.list("FreezeWindow", root),
    )
    (current, release, *changes), (environments, baselines, freezes, root_freezes), _ = await asyncio.gather(
        singles, lists, _read_patterns(deps, candidates(deps, promotion))
    )
    if not isinstance(current, Promotion) or current.metadata.uid != promotion.metadata.uid:
        msg = f"promotion {stack}/{promotion.metadata.name} was deleted"
        raise GoneError(msg)
    delegations = await _delegations(deps, stack, changes)
    for obj in (current, release, *changes, *environments, *baselines, *freezes, *root_freezes, *delegations):
        # What a watch has not told yet, or never will, is known from here on.
        if obj is not None:
            deps.store.put(obj)
    objects = _Objects(
        promotion=current,
        release=release if isinstance(release, Release) else None,
        environments=tuple(e for e in environments if isinstance(e, Environment)),
        baselines=tuple(e for e in baselines if isinstance(e, Environment)),
        changes=tuple(c for c in changes if isinstance(c, ChangeRequest)),
        delegations=delegations,
        freezes=_freezes(deps, stack, (*root_freezes, *freezes)),
    )
    objects = replace(objects, hotfix_changes=await _saying_hotfix_again(deps, objects))
    environment = next((e for e in objects.environments if e.metadata.name == current.spec.environment_ref.name), None)
    if environment is not None:
        await read_again(deps, stack, resolve(deps, environment, objects.baselines, objects.environments))
    return objects


async def _saying_hotfix_again(deps: Deps, objects: _Objects) -> tuple[ChangeRequest, ...]:
    """The changes that say hotfix, read again: one request for each that was not read already. Raises PortError."""
    read = {change.metadata.name: change for change in objects.changes}
    named = [change.metadata for change in saying_hotfix(deps, objects.release)]
    others = [meta for meta in named if meta.name not in read]
    again = await asyncio.gather(*(deps.cluster.get("ChangeRequest", m.namespace, m.name) for m in others))
    found = [*(read[meta.name] for meta in named if meta.name in read), *again]
    return tuple(change for change in found if isinstance(change, ChangeRequest))


async def _read_patterns(deps: Deps, changes: Iterable[ChangeRequest]) -> None:
    """Know the StandardChanges that ``changes`` follow as they are now: two requests for each standard change."""
    keys = [
        Key("StandardChange", place, change.spec.standard_change_ref.name)
        for change in changes
        if change.spec.standard_change_ref is not None
        for place in (deps.options.root_namespace, change.metadata.namespace)
    ]
    found = await asyncio.gather(*(deps.cluster.get(key.kind, key.namespace, key.name) for key in keys))
    for key, obj in zip(keys, found, strict=True):
        if obj is not None:
            deps.store.put(obj)
        else:
            deps.store.remove(key)


async def _delegations(deps: Deps, stack: str, changes: Iterable[AnyObject | None]) -> tuple[Delegation, ...]:
    """Those of the stack and of the root namespace, read again only where somebody decided in another's name."""
    if not any(isinstance(c, ChangeRequest) and any(a.on_behalf_of for a in c.status.approvals) for c in changes):
        return ()
    places = dict.fromkeys((deps.options.root_namespace, stack))
    found = await asyncio.gather(*(deps.cluster.list("Delegation", place) for place in places))
    return tuple(d for rows in found for d in rows if isinstance(d, Delegation))


def _freezes(deps: Deps, stack: str, read: Iterable[AnyObject]) -> tuple[FreezeWindow, ...]:
    """The freezes just read; as the tuple that is known, where nothing changed: what it means was worked out before."""
    fresh = {f.metadata.uid: f for f in read if isinstance(f, FreezeWindow)}
    known = deps.store.listed(FreezeWindow, deps.options.root_namespace, stack)
    versions = {f.metadata.uid: f.metadata.resource_version for f in known}
    if versions == {uid: f.metadata.resource_version for uid, f in fresh.items()}:
        return known
    return tuple(fresh.values())


def _judged(deps: Deps, objects: _Objects) -> Snapshot:
    """What our own objects say."""
    promotion, release = objects.promotion, objects.release
    stack, name = promotion.metadata.namespace, promotion.spec.environment_ref.name
    wholes = [change for change in objects.changes if change.spec.releases is not None]
    one = wholes[0] if wholes and len(objects.changes) == 1 else None
    snapshot = Snapshot(
        stack=stack,
        promotion=promotion,
        release=release,
        changes=tuple(mine for change in objects.changes if (mine := bulk.part(change, stack)) is not None),
        whole=one,
        freezes=objects.freezes,
        **_standard(deps, objects),
        # What a stack's people hand over counts in the stack: the whole is approved in its own namespace.
        delegations=tuple(
            d for d in objects.delegations if one is None or d.metadata.namespace == one.metadata.namespace
        ),
        peers=_peers(deps, promotion),
        peer_changes=(
            *deps.store.by(ChangeRequest, Index.CHANGES_FOR, stack, name),
            *(mine for _, mine in bulk_changes(deps, stack) if name in mine.spec.environments),
        ),
        owing=owing(deps.store, stack, name, release.spec.application if release else None),
        hotfix_changes=objects.hotfix_changes if one is None else (),
        production=frozenset(e.metadata.name for e in objects.environments if e.spec.tier is Tier.PRODUCTION),
        upstream_uids={e.metadata.name: e.metadata.uid for e in objects.environments},
        upstream_promotions=deps.store.by(
            Promotion, Index.PROMOTIONS_OF_RELEASE, stack, promotion.spec.release_ref.name
        ),
        peer_releases=deps.store.siblings(stack, release.spec.application) if release is not None else {},
    )
    by_name = {e.metadata.name: e for e in objects.environments}
    environment = by_name.get(name)
    if environment is None:
        return snapshot
    governed = resolve(deps, environment, objects.baselines, objects.environments)
    snapshot = replace(snapshot, calendar=calendar_of(deps, stack, governed))
    # An emergency may skip the nearest: then those before count. So they do where something was taken back.
    whole = any(is_emergency(change) for change in objects.changes) or (
        release is not None and (release.spec.type is ReleaseType.HOTFIX or may_have_lost(release))
    )
    upstream = _upstream(deps, objects, governed, whole=whole)
    rehearsed: tuple[str, ...] = ()
    if governed.spec.change_control is not None and release is not None:
        tiers = {e.metadata.name: e.spec.tier for e in objects.environments}
        rehearsed = rehearsals(release, of_release(deps, release), tiers, governed.spec.tier)
    return replace(snapshot, environment=environment, effective=governed, upstream=upstream, rehearsed=rehearsed)


def _upstream(deps: Deps, objects: _Objects, governed: Effective, *, whole: bool) -> dict[str, Effective]:
    """The environments upstream; ``whole``: with all that lies before them."""
    by_name = {e.metadata.name: e for e in objects.environments}
    found: dict[str, Effective] = {}
    ahead = list(governed.promotes_from)
    while ahead:
        name = ahead.pop()
        if name in by_name and name not in found:
            found[name] = resolve(deps, by_name[name], objects.baselines, objects.environments)
            ahead += found[name].promotes_from if whole else ()
    return found


def _peers(deps: Deps, promotion: Promotion) -> Visits:
    """The other promotions into its target: the same until a promotion or a release of the stack changes."""
    stack = promotion.metadata.namespace
    return deps.store.kept(
        ("peers", stack, promotion.metadata.uid, promotion.spec.release_ref.name, promotion.spec.environment_ref.name),
        ((Promotion, stack), (Release, stack)),
        lambda: Visits(dependents.peers(deps.store, promotion)),
    )


def of_release(deps: Deps, release: Release) -> tuple[Promotion, ...]:
    """All promotions of the application in its stack."""
    return tuple(dependents.of_application(deps.store, release.metadata.namespace, release.spec.application))


async def _with_rights(deps: Deps, snapshot: Snapshot, *, fresh: bool) -> Snapshot:
    """With what those who approved and signed off may do; an older answer is good enough to show, never to act."""
    function = snapshot.effective is not None and by_function([snapshot.effective])
    said = [
        c for c in snapshot.hotfix_changes if snapshot.change is None or c.metadata.uid != snapshot.change.metadata.uid
    ]
    own = snapshot.change if snapshot.whole is None else None
    questions = chain(
        asked(own, snapshot.promotion, function=function),
        *(asked(change, None, function=function) for change in said),
    )
    known, attesters, signatures, ruling = await asyncio.gather(
        answers(deps, snapshot.stack, questions, fresh=fresh),
        answers(deps, snapshot.stack, _of_evidence(snapshot), fresh=fresh),
        signed(deps, snapshot),
        rights(deps, snapshot, fresh=fresh),
    )
    if snapshot.whole is not None and snapshot.promotion.status.phase is not Phase.AWAITING_SIGN_OFF:
        # Answers of two namespaces are never mixed: sign-offs are the stack's, approvals the whole's.
        known = await entitled(deps, snapshot.whole, [snapshot.stack], function=function, fresh=fresh)
    return replace(snapshot, rights=known, evidence_rights=attesters, signatures=signatures, rule_rights=ruling)


def _of_evidence(snapshot: Snapshot) -> Iterator[Question]:
    """Whether those who gave evidence still may; what goes back is not asked for any."""
    release, governed = snapshot.release, snapshot.effective
    if release is not None and governed is not None and snapshot.promotion.spec.action is not Action.ROLLBACK:
        yield from evidence.asked(release, governed.spec)


async def _complete(deps: Deps, objects: _Objects, *, read_again: bool) -> Gathered:
    """The snapshot with what the target, Helm's storage and the plan say."""
    snapshot = await _with_rights(deps, _judged(deps, objects), fresh=read_again)
    stack, release, environment, governed = snapshot.stack, snapshot.release, snapshot.environment, snapshot.effective
    if environment is None or governed is None or release is None:
        return Gathered(snapshot)
    target = environment.target_namespace(release.spec.application)
    namespace = None if read_again else deps.store.namespaces.get(target)
    if namespace is None:
        namespace = await deps.cluster.namespace(target)
    snapshot = replace(snapshot, namespace=namespace)
    if namespace is None or namespace.terminating or namespace.labels.get(STACK_LABEL) != stack:
        # Not ours: nothing in it is looked at. The gate Binding says so.
        return Gathered(snapshot)
    may, revisions, plan, admission, around, ladder = await asyncio.gather(
        _deployer_may(deps, target),
        _revisions(deps, release, target, fresh=read_again),
        _plan(deps, snapshot.promotion, release, environment, governed),
        _admission(deps, snapshot, governed, fresh=read_again),
        neighbours(deps, snapshot, fresh=read_again),
        laddered(deps, stack, release.spec.application, target, governed, fresh=read_again),
    )
    snapshot = replace(snapshot, deployer_may=may, admission=admission, neighbours=around, ladder=ladder)
    if release.spec.taken_over():
        snapshot = replace(snapshot, claimed=_claimed(deps, release, environment))
    if isinstance(revisions, PlanProblem):
        # Without Helm's storage nobody knows what runs: no plan may be carried out.
        return Gathered(replace(snapshot, plan=revisions))
    snapshot = replace(snapshot, revisions=revisions, here=_here(snapshot, revisions, governed))
    if governed.spec.change_control is not None and snapshot.change is not None:
        running = await deps.parts.running(deps.helm, deps.store, target, revisions)
        snapshot = replace(snapshot, running=running)
    snapshot = replace(snapshot, drift=await _drift(deps, snapshot, release, revisions, fresh=read_again))
    if plan is None:
        plan = planned_removal(deps, release, environment, governed, revisions)
    elif isinstance(plan, PlanProblem) and plan.reason in CHARTS_GONE and _goes_back(snapshot.promotion):
        plan = await _recorded(deps, snapshot, release, environment, governed) or plan
    if isinstance(plan, PlanProblem):
        return Gathered(replace(snapshot, plan=plan))
    found = await labelled(deps, target, plan.plan, fresh=read_again)
    return Gathered(replace(snapshot, plan=plan.plan, labelled=found), plan)


async def _drift(
    deps: Deps, snapshot: Snapshot, release: Release, revisions: tuple[Revision, ...], *, fresh: bool
) -> Drift | PlanProblem | None:
    """How what runs differs from what was last promoted, where the gate Drift asks: looked at anew to act."""
    environment, governed, phase = snapshot.environment, snapshot.effective, snapshot.promotion.status.phase
    if environment is None or governed is None or mode_of(governed.spec) is DriftMode.OFF:
        return None
    if _removes(snapshot.promotion):
        return None
    if phase is not None and phase.executing:
        # What is there is half of this promotion's own work.
        return None
    application = release.spec.application
    if not fresh:
        return drifting.known(environment, application, revisions)
    found = await drifting.look(deps, environment, governed, application, revisions)
    if not isinstance(found, Drift) or found.digest:
        # The next round says so on the environment.
        deps.drift.pop((environment.metadata.uid, application), None)
    return found


def _here(snapshot: Snapshot, revisions: tuple[Revision, ...], governed: Effective) -> tuple[Release, ...]:
    """The releases that are deployed in a target of tier Production."""
    if governed.spec.tier is not Tier.PRODUCTION:
        return ()
    running = {(r.version, r.release_digest) for r in revisions if r.status is HelmStatus.DEPLOYED}
    return tuple(
        r
        for r in snapshot.peer_releases.values()
        if r.status.digest is not None and (version_label(r.spec.version), short(r.status.digest)) in running
    )


def _claimed(deps: Deps, release: Release, environment: Environment) -> dict[str, str]:
    """What the releases of other applications call their own in the same namespace."""
    mine, target = release.spec.application, environment.target_namespace(release.spec.application)
    others = (r for r in deps.store.of(Release, release.metadata.namespace) if r.spec.application != mine)
    return {
        name: other.spec.application
        for other in others
        if environment.target_namespace(other.spec.application) == target
        for name in other.spec.helm_releases()
    }


async def _revisions(deps: Deps, release: Release, target: str, *, fresh: bool) -> tuple[Revision, ...] | PlanProblem:
    """Helm's storage in ``target`` as far as it is the release's application."""
    try:
        also = deps.store.siblings(release.metadata.namespace, release.spec.application).taken_over
        # Its own, though the store may not know it yet.
        names = also | release.spec.taken_over()
        found = await deps.helm.revisions(target, release.spec.application, fresh=fresh, also=names)
    except PortError as problem:
        return PlanProblem("HelmStorageUnreadable", f"Helm's storage in {target}: {problem}")
    applications = deps.store.applications(release.metadata.namespace)
    return of_application(found, release, applications)


async def _plan(
    deps: Deps, promotion: Promotion, release: Release, environment: Environment, governed: Effective
) -> Planned | PlanProblem | None:
    """What would be applied; None for a removal, which is planned by what is there."""
    if _removes(promotion):
        return None
    target = environment.target_namespace(release.spec.application)
    try:
        return await plan_for(deps, environment.metadata.namespace, release, environment, governed, target)
    except PortError as problem:
        return PlanProblem("CannotTell", str(problem))


async def _admission(deps: Deps, snapshot: Snapshot, governed: Effective, *, fresh: bool) -> Admission | None:
    """What the self-test says, where the gate Admission asks."""
    if governed.spec.tier.rank < Tier.UAT.rank:
        return None
    return await (selftest.fresh(deps, snapshot) if fresh else selftest.shown(deps, snapshot.stack))


async def _deployer_may(deps: Deps, namespace: str) -> bool | None:
    try:
        return await deps.cluster.deployer_may(namespace)
    except PortError:
        return None
