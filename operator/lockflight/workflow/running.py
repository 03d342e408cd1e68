"""What runs in a target, read from Helm's storage: once a revision, for what a revision holds never changes."""

import asyncio
from collections import OrderedDict
from collections.abc import Sequence

from lockflight.api.promotion import Promotion
from lockflight.policy import footprint
from lockflight.policy.model import HelmStatus, Part, PlanProblem, Revision
from lockflight.ports import Helm, PortError
from lockflight.workflow.store import Store

_Key = tuple[str, str, int, str, str]


class PartCache:
    """Least recently used revisions, in the form in which they are compared."""

    def __init__(self, size: int = 2048) -> None:
        self._size = size
        self._parts: OrderedDict[_Key, Part] = OrderedDict()

    async def running(
        self, helm: Helm, store: Store, namespace: str, revisions: Sequence[Revision]
    ) -> tuple[Part, ...] | PlanProblem:
        """The deployed revision of every Helm release among ``revisions``; one request for each not seen before."""
        deployed: dict[str, Revision] = {}
        for revision in sorted(revisions, key=lambda r: r.revision):
            if revision.status is HelmStatus.DEPLOYED:
                deployed[revision.helm_release] = revision
        try:
            parts = await asyncio.gather(
                *(self._part(helm, store, namespace, deployed[name]) for name in sorted(deployed))
            )
        except PortError as problem:
            return PlanProblem("HelmStorageUnreadable", f"Helm's storage in {namespace}: {problem}")
        unread = [name for name, part in zip(sorted(deployed), parts, strict=True) if part is None]
        if unread:
            words = f"the deployed revision of {', '.join(unread)} in {namespace} is not readable as a Helm release"
            return PlanProblem("HelmStorageUnreadable", words)
        return tuple(part for part in parts if part is not None)

    async def _part(self, helm: Helm, store: Store, namespace: str, revision: Revision) -> Part | None:
        # Revisions count from 1 again after an uninstall: labels tell one from another.
        key = (namespace, revision.helm_release, revision.revision, revision.promotion_uid, revision.plan)
        known = self._parts.get(key)
        if known is not None:
            self._parts.move_to_end(key)
            return known
        found = await helm.recorded(namespace, revision.helm_release, revision.revision)
        if found is None:
            return None
        part = footprint.part(
            name=revision.helm_release,
            chart=found.chart,
            chart_version=found.chart_version,
            chart_digest=_chart_digest(store, revision),
            values=found.values,
            objects=found.objects,
        )
        self._parts[key] = part
        while len(self._parts) > self._size:
            self._parts.popitem(last=False)
        return part


def _chart_digest(store: Store, revision: Revision) -> str:
    """The bytes of its chart, where the promotion that brought it is still there to say so."""
    promotion = next((p for p in store.of(Promotion) if p.metadata.uid == revision.promotion_uid), None)
    plan = promotion.status.plan if promotion else None
    if promotion is None or plan is None:
        return ""
    named = next((row.name for row in promotion.status.components if row.helm_release == revision.helm_release), None)
    return next((c.chart_digest for c in plan.components if c.name == named), "")
