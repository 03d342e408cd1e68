"""What the objects alone say about a release and an environment, as a snapshot that the gates can be asked about. Pure.

Helm's storage, the registry, rights and the API server's policies are not among the objects. Gates that look there are
``UNSEEN``: the operator alone judges them, and its word on an open promotion is all that is known.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final

from lockflight.api import reasons
from lockflight.api.changerequest import ChangeRequest, DeclaredRisk
from lockflight.api.common import CANARY, Meta, Ref, Tier
from lockflight.api.delegation import Delegation
from lockflight.api.environment import Environment
from lockflight.api.freezewindow import FreezeWindow
from lockflight.api.promotion import Action, Promotion, PromotionSpec
from lockflight.api.release import Release, ReleaseType
from lockflight.api.releasecalendar import ReleaseCalendar
from lockflight.api.standardchange import StandardChange
from lockflight.policy.assume import some_plan
from lockflight.policy.bulk import part
from lockflight.policy.debts import owes_for
from lockflight.policy.effective import effective
from lockflight.policy.evidence import attestations
from lockflight.policy.model import Effective, Snapshot
from lockflight.policy.rights import Question, Rights
from lockflight.policy.risk import declared
from lockflight.policy.ruleasked import baseline_of
from lockflight.policy.signature import Signature, Unsigned
from lockflight.policy.visits import Visits

SEEN: Final = frozenset(
    {
        reasons.RULES,
        reasons.ORDER,
        reasons.SOAK,
        reasons.SOURCE,
        reasons.EVIDENCE,
        reasons.HOLD,
        reasons.CADENCE,
        reasons.FREEZE,
        reasons.CHANGE_WINDOW,
        reasons.CHANGE_CONTROL,
        reasons.REVIEW_DEBT,
    }
)
"""Gates that the objects alone are enough for."""
UNSEEN: Final = frozenset(reasons.GATES) - SEEN


class _Trusting(Rights):
    """Whether somebody still holds a role is the operator's to ask: here it is taken as held."""

    def may(self, question: Question) -> bool | None:
        """Every role by name, and nothing else."""
        return CANARY not in (question.verb, question.resource) and question.verb != "create"


_TRUSTING: Final = _Trusting()


@dataclass(frozen=True, slots=True)
class Objects:
    """The objects of a stack, and those of the operator's namespace that bind it."""

    stack: str
    root: str
    environments: Sequence[Environment]
    baselines: Sequence[Environment] = ()
    releases: Sequence[Release] = ()
    promotions: Sequence[Promotion] = ()
    changes: Sequence[ChangeRequest] = ()
    """Of the stack, and the bulk changes of the operator's namespace."""
    freezes: tuple[FreezeWindow, ...] = ()
    calendars: Sequence[ReleaseCalendar] = ()
    standards: Sequence[StandardChange] = ()
    delegations: Sequence[Delegation] = ()
    governed: Mapping[str, Effective] = field(init=False)
    """Every environment with its baseline, by name."""

    def __post_init__(self) -> None:
        """Fill in the baselines once."""
        found = {
            e.metadata.name: effective(e, baseline_of(self.baselines, e.spec.tier), tuple(self.environments))
            for e in self.environments
        }
        object.__setattr__(self, "governed", found)

    def environment(self, name: str) -> Environment | None:
        """The environment of that name."""
        return next((e for e in self.environments if e.metadata.name == name), None)

    def calendar(self, governed: Effective) -> ReleaseCalendar | None:
        """The calendar that an environment follows: the stack's, else the organisation's."""
        ref = governed.spec.calendar_ref
        places = (self.root,) if governed.calendar_in_root else (self.stack, self.root)
        named = {c.metadata.namespace: c for c in self.calendars if ref is not None and c.metadata.name == ref.name}
        return next((named[place] for place in places if place in named), None)

    def open_promotion(self, release: str, environment: str) -> Promotion | None:
        """The one that brings the release there, or did and has not ended."""
        return next(
            (
                p
                for p in self.promotions
                if (p.spec.release_ref.name, p.spec.environment_ref.name) == (release, environment)
                and p.spec.action is Action.DEPLOY
                and not (p.status.phase and p.status.phase.final)
            ),
            None,
        )


def snapshot(objects: Objects, release: Release, name: str) -> Snapshot:
    """What there is to say about ``release`` and the environment ``name``, without what ``UNSEEN`` gates look at."""
    promotion = objects.open_promotion(release.metadata.name, name) or _promotion(objects.stack, release, name)
    environment, governed = objects.environment(name), objects.governed.get(name)
    releases = {r.metadata.name: r for r in objects.releases} | {release.metadata.name: release}
    mine = {n: r for n, r in releases.items() if r.spec.application == release.spec.application}
    parts = [mine_of for c in objects.changes if (mine_of := part(c, objects.stack)) is not None]
    changes = _changes(promotion, release, name, parts)
    found = Snapshot(
        stack=objects.stack,
        promotion=promotion,
        release=release,
        environment=environment,
        effective=governed,
        upstream_uids={e.metadata.name: e.metadata.uid for e in objects.environments},
        upstream_promotions=tuple(p for p in objects.promotions if p.spec.release_ref.name == release.metadata.name),
        changes=changes,
        whole=_whole(objects, changes),
        freezes=objects.freezes,
        peers=Visits(
            p
            for p in objects.promotions
            if p.spec.environment_ref.name == name
            and p.spec.release_ref.name in mine
            and p.metadata.uid != promotion.metadata.uid
        ),
        peer_changes=tuple(c for c in parts if name in c.spec.environments),
        owing=tuple(c for c in parts if owes_for(c, name, release.spec.application, _application(c, releases))),
        hotfix_changes=tuple(
            c
            for c in parts
            if release.spec.type is ReleaseType.HOTFIX and c.spec.release == release.metadata.name and not _ended(c)
        ),
        delegations=tuple(objects.delegations),
        peer_releases=mine,
        standard=_standard(objects, changes),
        rights=_TRUSTING,
        evidence_rights=_TRUSTING,
        signatures=_unverified(release, governed),
        rule_rights={objects.stack: _TRUSTING, objects.root: _TRUSTING},
        production=frozenset(e.metadata.name for e in objects.environments if e.spec.tier is Tier.PRODUCTION),
    )
    if governed is None:
        return found
    if found.change is not None:
        # What would be applied is what people saw; how risky that is stands in the change.
        change = _as_recorded(found.change, name)
        found = replace(found, changes=(change,), running=())
        found = replace(found, plan=some_plan(found, change))
    return replace(found, calendar=objects.calendar(governed), upstream=_upstream(objects, governed))


def _unverified(release: Release, governed: Effective | None) -> dict[str, Signature]:
    """Signatures are the operator's to verify."""
    words = Unsigned("is signed, which the operator alone verifies: see gate Evidence of the promotion")
    return dict.fromkeys(attestations(release, governed.spec), words) if governed is not None else {}


def _as_recorded(change: ChangeRequest, name: str) -> ChangeRequest:
    """The change, with the risk that was computed for the environment as its declared one where that is higher."""
    row = next((p for p in change.status.plans if p.environment == name), None)
    said = declared(change.spec.risk)
    if row is None or row.risk is None or (said is not None and said.rank >= row.risk.rank):
        return change
    words = change.spec.risk.assessment if change.spec.risk else None
    risk = DeclaredRisk(impact=row.risk, likelihood=row.risk, assessment=words)
    return change.model_copy(update={"spec": change.spec.model_copy(update={"risk": risk})})


def as_of(objects: Objects, when: datetime) -> Objects:
    """The objects as far as they were there then; what was edited since is as it is now."""

    def there(meta: Meta) -> bool:
        return meta.creation_timestamp is None or meta.creation_timestamp <= when

    return replace(
        objects,
        releases=tuple(_release_then(r, when) for r in objects.releases if there(r.metadata)),
        promotions=tuple(p for p in objects.promotions if there(p.metadata)),
        changes=tuple(_change_then(c, when) for c in objects.changes if there(c.metadata)),
        freezes=tuple(f for f in objects.freezes if there(f.metadata)),
    )


def _release_then(release: Release, when: datetime) -> Release:
    rows = tuple(
        row.model_copy(
            update={
                "verified_at": row.verified_at if row.verified_at and row.verified_at <= when else None,
                "signed_off_at": row.signed_off_at if row.signed_off_at and row.signed_off_at <= when else None,
            }
        )
        for row in release.status.environments
        if row.deployed_at <= when
    )
    return release.model_copy(update={"status": release.status.model_copy(update={"environments": rows})})


def _change_then(change: ChangeRequest, when: datetime) -> ChangeRequest:
    """Without the decisions that came later, and not ended by what came later."""
    seen = {o.index: o.at for o in change.status.observed}
    count = next((i for i in range(len(change.status.approvals)) if seen.get(i, when) > when), None)
    approvals = change.status.approvals[:count]
    uses = tuple(use for use in change.status.used_by if use.at <= when)
    phase = change.status.phase if len(uses) == len(change.status.used_by) else None
    update = {"approvals": approvals, "used_by": uses, "phase": phase}
    return change.model_copy(update={"status": change.status.model_copy(update=update)})


def _promotion(stack: str, release: Release, name: str) -> Promotion:
    return Promotion(
        metadata=Meta(name=f"{release.metadata.name}-{name}", namespace=stack, uid="planned"),
        spec=PromotionSpec(release_ref=Ref(name=release.metadata.name), environment_ref=Ref(name=name)),
    )


def _changes(
    promotion: Promotion, release: Release, name: str, parts: Sequence[ChangeRequest]
) -> tuple[ChangeRequest, ...]:
    """The change that the promotion names; else those not ended that name release and environment."""
    ref = promotion.spec.change_request_ref
    named = promotion.status.change or (ref.name if ref else None)
    if named is not None:
        return tuple(c for c in parts if c.metadata.name == named.rpartition("/")[2])[:1]
    meant = (c for c in parts if c.spec.release == release.metadata.name and name in c.spec.environments)
    return tuple(c for c in meant if not _ended(c) and not c.spec.removes)


def _whole(objects: Objects, changes: Sequence[ChangeRequest]) -> ChangeRequest | None:
    uid = changes[0].metadata.uid if len(changes) == 1 else None
    return next((c for c in objects.changes if c.metadata.uid == uid and c.spec.releases is not None), None)


def _standard(objects: Objects, changes: Sequence[ChangeRequest]) -> StandardChange | None:
    ref = changes[0].spec.standard_change_ref if len(changes) == 1 else None
    named = {s.metadata.namespace: s for s in objects.standards if ref is not None and s.metadata.name == ref.name}
    return next((named[place] for place in (objects.root, objects.stack) if place in named), None)


def _upstream(objects: Objects, governed: Effective) -> dict[str, Effective]:
    """Every environment on the way here."""
    found: dict[str, Effective] = {}
    ahead = list(governed.promotes_from)
    while ahead:
        name = ahead.pop()
        if name in objects.governed and name not in found:
            found[name] = objects.governed[name]
            ahead += found[name].promotes_from
    return found


def _ended(change: ChangeRequest) -> bool:
    return change.status.phase is not None and change.status.phase.ended


def _application(change: ChangeRequest, releases: Mapping[str, Release]) -> str | None:
    found = releases.get(change.spec.release)
    return found.spec.application if found else None
