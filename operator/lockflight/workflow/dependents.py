"""Who must be looked at again when an object changes. Too many is slow, too few is a stuck release."""

from collections.abc import Iterator
from itertools import chain

from lockflight.api.changerequest import ChangePhase, ChangeRequest
from lockflight.api.common import ENVIRONMENT_LABEL, STACK_LABEL
from lockflight.api.delegation import Delegation
from lockflight.api.environment import Environment
from lockflight.api.freezewindow import FreezeWindow
from lockflight.api.kinds import AnyObject
from lockflight.api.promotion import Phase, Promotion
from lockflight.api.release import Release, ReleaseType
from lockflight.api.releasecalendar import ReleaseCalendar
from lockflight.api.standardchange import StandardChange
from lockflight.policy.bulk import called, names
from lockflight.policy.conflicts import same_applications
from lockflight.policy.lifting import lifted
from lockflight.policy.withdrawal import may_have_lost
from lockflight.workflow.indexes import Index
from lockflight.workflow.keys import NAMESPACE, Key, key_of
from lockflight.workflow.owing import woken
from lockflight.workflow.store import Store


def dependents(store: Store, key: Key, old: AnyObject | None, new: AnyObject | None, root: str) -> set[Key]:
    """The keys to reconcile after ``key`` went from ``old`` to ``new``; ``root`` is the operator's namespace."""
    keys = {key} | _of_rules(store, key, old, new, root)
    match new or old:
        case Promotion() as promotion:
            if _phase(old) != _phase(new) or old is None or new is None:
                keys |= _around_promotion(store, promotion, root)
            if _signed(old) != _signed(new):
                # Taken back after the end: the release tells what it lost.
                keys.add(Key("Release", key.namespace, promotion.spec.release_ref.name))
            if Phase.ON_HOLD in (_phase(old), _phase(new)) and _phase(old) != _phase(new):
                keys |= {key_of(f) for ns in {root, key.namespace} for f in store.of(FreezeWindow, ns)}
        case Release() as release:
            keys |= _of_release(store, release)
            if _lost(old) != _lost(new):
                keys |= {key_of(e) for e in store.of(Environment, key.namespace)}
            if not _same_spec(old, new) and (release.spec.includes or release.spec.type is ReleaseType.HOTFIX):
                keys |= _not_merged(store, release)
            keys |= _counted_by(old, new)
        case Environment() if _same_spec(old, new):
            pass
        case Environment() as environment:
            keys |= targets_of(store, None if key.namespace == root else key.namespace)
            keys |= _of_stack(store, None if key.namespace == root else key.namespace)
            if old is None or new is None:
                # What freezes select is another list of environments now.
                keys |= {key_of(f) for ns in {root, key.namespace} for f in store.of(FreezeWindow, ns)}
            keys |= {
                key_of(e)
                for e in store.of(Environment, None if key.namespace == root else environment.metadata.namespace)
            }
        case ChangeRequest():
            # Also where it named something before and does not any more.
            for change in (old, new):
                keys |= _of_change(store, change, root) if isinstance(change, ChangeRequest) else set()
                if isinstance(change, ChangeRequest) and change.spec.access:
                    keys |= targets_of(store, key.namespace)
            keys |= woken(
                store,
                old if isinstance(old, ChangeRequest) else None,
                new if isinstance(new, ChangeRequest) else None,
            )
        case Delegation() if not _same_spec(old, new):
            stack = None if key.namespace == root else key.namespace
            keys |= {key_of(p) for p in _open(store, stack)} | {key_of(c) for c in store.of(ChangeRequest, stack)}
        case ReleaseCalendar() if not _same_spec(old, new):
            keys |= _of_calendar(store, None if key.namespace == root else key.namespace)
        case FreezeWindow() if not _same_spec(old, new) or _lifted(old) != _lifted(new):
            stack = None if key.namespace == root else key.namespace
            keys |= {key_of(p) for p in _open(store, stack)} | _approved(store, stack)
            keys |= {key_of(c) for c in store.of(ChangeRequest, stack) if _asks_past(c, key.name)}
        case StandardChange() as standard:
            keys |= _of_standard(store, standard, root)
        case _:
            pass
    if isinstance(new or old, Release | Environment | FreezeWindow | ReleaseCalendar) and key.namespace != root:
        keys |= {key_of(c) for c in store.of(ChangeRequest, root) if names(c, key.namespace)}
    return keys


def _of_rules(store: Store, key: Key, old: AnyObject | None, new: AnyObject | None, root: str) -> set[Key]:
    """What waits for the approvals of a rule object; what a baseline asks for concerns the other rules, too."""
    if key.kind == "Environment" and key.namespace != root and (old is None or new is None):
        return _approved_for(store, key.namespace, root)
    if _decided(old) == _decided(new):
        return set()
    stack = None if key.namespace == root else key.namespace
    keys = {key_of(p) for p in _open(store, stack)} | _approved(store, stack)
    if key.kind == "Environment" and key.namespace == root:
        keys |= {key_of(rule) for kind in (Environment, FreezeWindow, ReleaseCalendar) for rule in store.of(kind)}
    return keys


def _approved_for(store: Store, stack: str, root: str) -> set[Key]:
    """The calendars and freezes whose approvers are those of another list of environments now."""
    if not any(_governing(baseline) for baseline in store.of(Environment, root)):
        return set()
    return {
        key_of(rule) for kind in (FreezeWindow, ReleaseCalendar) for ns in {root, stack} for rule in store.of(kind, ns)
    }


def _decided(obj: AnyObject | None) -> object:
    if not isinstance(obj, Environment | FreezeWindow | ReleaseCalendar):
        return None
    asked = obj.spec.governance if isinstance(obj, Environment) else None
    return (obj.metadata.uid, obj.status.approvals, obj.status.governance, asked) if _governing(obj) else None


def _governing(obj: Environment | FreezeWindow | ReleaseCalendar) -> bool:
    return bool(obj.status.approvals or obj.status.governance or (isinstance(obj, Environment) and obj.spec.governance))


def namespace_dependents(store: Store, name: str) -> set[Key]:
    """The keys to reconcile after a Namespace changed: open promotions that go there; its glass, and who shows it."""
    keys: set[Key] = set()
    namespace = store.namespaces.get(name)
    if namespace is not None:
        labels = namespace.labels
        owner = store.get(Environment, labels.get(STACK_LABEL, ""), labels.get(ENVIRONMENT_LABEL, ""))
        keys |= {key_of(owner)} if owner else set()
        keys |= {Key(NAMESPACE, "", name)} if STACK_LABEL in labels else set()
    for promotion in _open(store, None):
        stack = promotion.metadata.namespace
        environment = store.get(Environment, stack, promotion.spec.environment_ref.name)
        release = store.get(Release, stack, promotion.spec.release_ref.name)
        if environment and release and environment.target_namespace(release.spec.application) == name:
            keys.add(key_of(promotion))
    return keys


def targets_of(store: Store, stack: str | None) -> set[Key]:
    """The target namespaces of a stack, or of all."""
    return {
        Key(NAMESPACE, "", space.name)
        for space in store.namespaces.values()
        if STACK_LABEL in space.labels and stack in (None, space.labels[STACK_LABEL])
    }


def is_open(promotion: Promotion) -> bool:
    """Nothing final was said about it yet."""
    return promotion.status.phase is None or not promotion.status.phase.final


def application_of(store: Store, promotion: Promotion) -> str | None:
    """The application a promotion is about, where its Release is known."""
    release = store.get(Release, promotion.metadata.namespace, promotion.spec.release_ref.name)
    return release.spec.application if release else None


def of_application(store: Store, stack: str, application: str) -> Iterator[Promotion]:
    """All promotions of an application's releases."""
    for name in store.siblings(stack, application):
        yield from store.by(Promotion, Index.PROMOTIONS_OF_RELEASE, stack, name)


def peers(store: Store, promotion: Promotion) -> Iterator[Promotion]:
    """Other promotions into the same target; one that executes counts also where its Release is gone."""
    stack, environment = promotion.metadata.namespace, promotion.spec.environment_ref
    application = application_of(store, promotion)
    if application is not None:
        same = of_application(store, stack, application)
    else:
        same = (p for p in store.of(Promotion, stack) if application_of(store, p) is None)
    orphans = (
        p
        for p in store.by(Promotion, Index.EXECUTING_IN, stack, environment.name)
        if application is not None and application_of(store, p) is None
    )
    for other in chain(same, orphans):
        if other.metadata.uid != promotion.metadata.uid and other.spec.environment_ref == environment:
            yield other


def _phase(obj: AnyObject | None) -> object:
    return obj.status.phase if isinstance(obj, Promotion) else None


def _lifted(obj: AnyObject | None) -> bool:
    return isinstance(obj, FreezeWindow) and lifted(obj)


def _asks_past(change: ChangeRequest, freeze: str) -> bool:
    return change.spec.freeze_override is not None and freeze in change.spec.freeze_override.windows


def _same_spec(old: AnyObject | None, new: AnyObject | None) -> bool:
    return (
        old is not None
        and new is not None
        and old.metadata.uid == new.metadata.uid
        and old.metadata.generation == new.metadata.generation
    )


def _open(store: Store, stack: str | None) -> Iterator[Promotion]:
    return (p for p in store.of(Promotion, stack) if is_open(p))


def _around_promotion(store: Store, promotion: Promotion, root: str) -> set[Key]:
    stack = promotion.metadata.namespace
    keys = {
        Key("Release", stack, promotion.spec.release_ref.name),
        Key("Environment", stack, promotion.spec.environment_ref.name),
    }
    for change in store.of(ChangeRequest, stack):
        named = promotion.spec.change_request_ref
        if (
            (named and named.name == change.metadata.name)
            or change.spec.release == promotion.spec.release_ref.name
            or change.metadata.name == promotion.status.change
            # A removal is planned by what runs.
            or (change.spec.removes and promotion.spec.environment_ref.name in change.spec.environments)
        ):
            keys |= {key_of(change)} | _entries(change, root)
    for change in store.of(ChangeRequest, root):
        if names(change, stack, promotion.spec.release_ref.name) or called(change, stack) == promotion.status.change:
            keys.add(key_of(change))
    around = list(peers(store, promotion))
    keys |= {key_of(p) for p in around if is_open(p)}
    keys |= set(_neighbours(store, promotion))
    # What runs there now may make up for what an emergency skipped.
    owing = store.by(ChangeRequest, Index.OWING_FOR, stack, promotion.spec.environment_ref.name)
    keys |= {key_of(c) for c in owing}
    # A new release in a target ends the stay of the one before: its passages change.
    keys |= {Key("Release", stack, p.spec.release_ref.name) for p in around if p.status.deployed_at}
    return keys


def _neighbours(store: Store, promotion: Promotion) -> Iterator[Key]:
    """What waits in its environment for another application: those that need this one, and those it may need itself."""
    mine = store.get(Release, promotion.metadata.namespace, promotion.spec.release_ref.name)
    for other in _open(store, promotion.metadata.namespace) if mine is not None else ():
        if other.spec.environment_ref.name != promotion.spec.environment_ref.name:
            continue
        release = store.get(Release, other.metadata.namespace, other.spec.release_ref.name)
        if release is not None and mine is not None and (_named(release, mine) or _named(mine, release)):
            yield key_of(other)


def _named(release: Release, other: Release) -> bool:
    return any(row.application == other.spec.application for row in release.spec.requires)


def _signed(obj: AnyObject | None) -> object:
    return obj.status.sign_offs if isinstance(obj, Promotion) and _phase(obj) is Phase.SUCCEEDED else None


def _lost(obj: AnyObject | None) -> object:
    """What an environment in which it runs tells of what it lost upstream."""
    if not isinstance(obj, Release) or not may_have_lost(obj):
        return None
    return [(row.name, row.withdrawn) for row in obj.status.environments], obj.status.evidence


def _of_release(store: Store, release: Release) -> set[Key]:
    stack = release.metadata.namespace
    mine = store.by(Promotion, Index.PROMOTIONS_OF_RELEASE, stack, release.metadata.name)
    keys = {key_of(p) for p in mine if is_open(p)}
    return keys | {key_of(c) for c in store.of(ChangeRequest, stack) if c.spec.release == release.metadata.name}


def _not_merged(store: Store, release: Release) -> set[Key]:
    """Hotfixes of its application that wait for a release which contains them."""
    return {
        key_of(r)
        for r in store.siblings(release.metadata.namespace, release.spec.application).values()
        if r.status.back_merge is not None and r.status.back_merge.merged_by is None
    }


def _counted_by(old: AnyObject | None, new: AnyObject | None) -> set[Key]:
    """The calendars that count a hotfix, where something about its way back changed."""
    before, after = (r.status.back_merge if isinstance(r, Release) else None for r in (old, new))
    names = {found.calendar for found in (before, after) if found is not None and found.calendar and before != after}
    return {Key("ReleaseCalendar", *name.split("/", 1)) for name in names}


def _of_stack(store: Store, stack: str | None) -> set[Key]:
    keys = {key_of(p) for p in _open(store, stack)}
    keys |= {key_of(c) for c in store.of(ChangeRequest, stack)}
    return keys | {key_of(r) for r in store.of(Release, stack)}


def _of_standard(store: Store, standard: StandardChange, root: str) -> set[Key]:
    """The changes that follow it, and their promotions."""
    keys: set[Key] = set()
    namespace = None if standard.metadata.namespace == root else standard.metadata.namespace
    for change in store.of(ChangeRequest, namespace):
        ref = change.spec.standard_change_ref
        if ref is not None and ref.name == standard.metadata.name:
            keys |= {key_of(change)} | _of_change(store, change, root)
    return keys


def _scheduled(store: Store, change: ChangeRequest, root: str) -> set[Key]:
    """Others with a schedule for the same target: a conflict is shown on both."""
    if change.spec.schedule is None:
        return set()
    stack = change.metadata.namespace
    applications = {r.metadata.name: r.spec.application for r in store.of(Release, stack)}
    bulks = {key_of(c) for c in store.of(ChangeRequest, root) if c.spec.schedule is not None and names(c, stack)}
    return bulks | {
        key_of(other)
        for other in store.of(ChangeRequest, stack)
        if other.spec.schedule is not None
        and set(other.spec.environments) & set(change.spec.environments)
        and same_applications(change, other, applications)
    }


def _approved(store: Store, stack: str | None) -> set[Key]:
    """Changes that somebody may be carrying out: whether they may go on is for their condition Authorized to say."""
    phases = (ChangePhase.SCHEDULED, ChangePhase.IMPLEMENT)
    return {key_of(change) for change in store.of(ChangeRequest, stack) if change.status.phase in phases}


def _entries(change: ChangeRequest, root: str) -> set[Key]:
    """What was done under a pattern is shown on it."""
    ref = change.spec.standard_change_ref
    return {Key("StandardChange", place, ref.name) for place in (root, change.metadata.namespace)} if ref else set()


def _of_calendar(store: Store, stack: str | None) -> set[Key]:
    """What waits, with its releases, approved changes, and the environments that say whether their calendar exists."""
    waiting = list(_open(store, stack))
    keys = {key_of(p) for p in waiting} | {key_of(e) for e in store.of(Environment, stack)} | _approved(store, stack)
    # Critical dates are freezes that a change may ask to go past.
    keys |= {key_of(c) for c in store.of(ChangeRequest, stack) if c.spec.freeze_override is not None}
    return keys | {Key("Release", p.metadata.namespace, p.spec.release_ref.name) for p in waiting}


def _may_use(promotion: Promotion, change: ChangeRequest) -> bool:
    named = promotion.spec.change_request_ref
    return (
        promotion.spec.release_ref.name == change.spec.release
        or (named is not None and named.name == change.metadata.name)
        or promotion.spec.action.value == "Rollback"
    )


def _in_bulk(promotion: Promotion, change: ChangeRequest, release: str) -> bool:
    goes_back = promotion.spec.action.value == "Rollback"
    return promotion.spec.environment_ref.name in change.spec.environments and (
        goes_back or promotion.spec.release_ref.name == release
    )


def _is_hotfix(store: Store, promotion: Promotion) -> bool:
    """A change that names it speaks for it everywhere."""
    release = store.get(Release, promotion.metadata.namespace, promotion.spec.release_ref.name)
    return release is not None and release.spec.type is ReleaseType.HOTFIX


def _of_change(store: Store, change: ChangeRequest, root: str) -> set[Key]:
    if change.spec.releases is not None:
        rows = [row for row in change.spec.releases if change.metadata.namespace == root]
        keys = {key_of(p) for row in rows for p in _open(store, row.stack) if _in_bulk(p, change, row.name)}
        stacks = [row.stack for row in rows] if change.spec.schedule is not None else []
        return keys | {key_of(c) for stack in stacks for c in store.of(ChangeRequest, stack) if c.spec.schedule}
    return (
        _entries(change, root)
        | _scheduled(store, change, root)
        | {
            key_of(p)
            for p in _open(store, change.metadata.namespace)
            if (p.spec.release_ref.name == change.spec.release and _is_hotfix(store, p))
            or (p.spec.environment_ref.name in change.spec.environments and _may_use(p, change))
        }
    )
