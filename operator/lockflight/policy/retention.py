"""Which finished objects may leave the cluster: those that nothing looks back at any more. Pure.

What was decided stays in the audit trail; what a release passed stays on the release.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from lockflight.api.changerequest import ChangeRequest
from lockflight.api.common import Meta
from lockflight.api.promotion import Action, Promotion
from lockflight.api.release import Release
from lockflight.policy.auto import outgrown
from lockflight.policy.debts import open_debts
from lockflight.policy.records import ended_at
from lockflight.policy.stays import began

KEPT_HERE: Final = 20
"""Promotions of one application that ran in an environment and stay whatever their age.

Helm keeps ten revisions; the horizon of a freeze looks at five deployments, the risk of a change at fewer than twenty.
"""

_INSTANCE: Final = "app.kubernetes.io/instance"
"""Argo CD's older way to track what it syncs. Nothing that the operator or `lockflight` makes bears it."""

_MANAGERS: Final = ("argocd.argoproj.io", "kustomize.toolkit.fluxcd.io", "helm.toolkit.fluxcd.io", "meta.helm.sh")


@dataclass(frozen=True, slots=True)
class Shelf:
    """The objects of one stack."""

    promotions: Sequence[Promotion]
    changes: Sequence[ChangeRequest]
    releases: Mapping[str, Release]

    def leaving(self, before: datetime) -> Iterator[Promotion | ChangeRequest]:
        """What ended before then and is of no use any more; promotions first, for their changes stay with them."""
        gone = tuple(self._promotions(before))
        yield from gone
        left = [p for p in self.promotions if p not in gone]
        for change in self.changes:
            if _old(change, before) and self._change_is_of_no_use(change, left):
                yield change

    def _promotions(self, before: datetime) -> Iterator[Promotion]:
        changes = {c.metadata.name: c for c in self.changes}
        named = {use.promotion_uid for c in self.changes if _counts(c) for use in c.status.used_by}
        for promotions in self._targets().values():
            ran = sorted(
                (p for p in promotions if p.status.execution is not None),
                key=lambda p: p.status.execution.started_at if p.status.execution else before,
            )
            latest = {p.metadata.uid for p in ran[-KEPT_HERE:]}
            for p in promotions:
                under = changes.get(p.status.change or "")
                if (
                    _old(p, before)
                    and p.metadata.uid not in latest
                    and p.metadata.uid not in named
                    and not (under is not None and _counts(under))
                    and not _still_says(p, promotions)
                    and self._is_outgrown(p.spec.release_ref.name, promotions)
                ):
                    yield p

    def _targets(self) -> Mapping[tuple[str, str | None], list[Promotion]]:
        found = defaultdict(list)
        for p in self.promotions:
            release = self.releases.get(p.spec.release_ref.name)
            found[p.spec.environment_ref.name, release.spec.application if release else None].append(p)
        return found

    def _is_outgrown(self, release: str, here: Iterable[Promotion]) -> bool:
        """Nothing asks for it again by itself: it is gone, or a higher version went where ``here`` went."""
        found = self.releases.get(release)
        if found is None:
            return True
        same = [r for r in self.releases.values() if r.spec.application == found.spec.application]
        return outgrown(found, tuple(here), same)

    def _change_is_of_no_use(self, change: ChangeRequest, promotions: Sequence[Promotion]) -> bool:
        """No promotion left refers to it, and nobody would have it drafted again."""
        name, release = change.metadata.name, change.spec.release
        if _counts(change) or change.spec.releases or any(_refers(p, name) for p in promotions):
            return False
        here = self._targets()
        found = self.releases.get(release)
        application = found.spec.application if found else None
        return not release or all(
            self._is_outgrown(release, here.get((e, application), ())) for e in change.spec.environments
        )


def _still_says(p: Promotion, here: Iterable[Promotion]) -> bool:
    """A removal stays as long as something that it took away: else that would seem to run."""
    return p.spec.action is Action.REMOVE and any(began(other) < began(p) for other in here)


def _old(obj: Promotion | ChangeRequest, before: datetime) -> bool:
    """It ended before then, and nobody else keeps it: what a GitOps tool syncs would come back as a new object."""
    final = obj.status.phase is not None and (
        obj.status.phase.final if isinstance(obj, Promotion) else obj.status.phase.ended
    )
    ended = ended_at(obj)
    return final and ended is not None and ended < before and not _managed(obj.metadata)


def _managed(meta: Meta) -> bool:
    keys = (*meta.labels, *meta.annotations)
    return any(key == _INSTANCE or key.partition("/")[0] in _MANAGERS for key in keys)


def _counts(change: ChangeRequest) -> bool:
    """Something still rests on it: it has not ended, owes, or is one of the uses that a StandardChange counts."""
    ended = change.status.phase is not None and change.status.phase.ended
    return not ended or bool(open_debts(change)) or change.spec.standard_change_ref is not None


def _refers(promotion: Promotion, change: str) -> bool:
    named = promotion.spec.change_request_ref
    return change in (promotion.status.change, named.name if named else None)
