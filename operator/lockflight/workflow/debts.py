"""What a change owes, read again: what settled since."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from lockflight.api.changerecords import Bypass
from lockflight.api.changerequest import ChangeRequest
from lockflight.api.common import Ref
from lockflight.api.delegation import Delegation
from lockflight.api.emergency import Debt
from lockflight.api.promotion import Promotion
from lockflight.api.release import Release
from lockflight.policy import debts
from lockflight.policy.debts import Key, Ratification, made_up_for, successor
from lockflight.policy.emergency import terms_of
from lockflight.policy.entitlement import APPROVE, by_function, unentitled
from lockflight.policy.gates import judge
from lockflight.policy.model import Effective, Snapshot, Verdict
from lockflight.policy.rights import Rights
from lockflight.policy.upstream import passed_in
from lockflight.policy.verdicts import Subject
from lockflight.policy.voices import Voices
from lockflight.workflow import gather
from lockflight.workflow.authorising import asking
from lockflight.workflow.deps import Deps


async def settle(
    deps: Deps,
    change: ChangeRequest,
    governed: Mapping[str, Effective],
    release: Release | None,
    rights: Rights,
    delegations: Sequence[Delegation],
    relays: frozenset[str],
) -> tuple[tuple[Debt, ...], Ratification | None, datetime | None]:
    """Its debts, where the ratification stands, and when time alone settles another one."""
    now, rules = deps.clock.now(), terms_of(change, governed)
    owing = change.model_copy(
        update={"status": change.status.model_copy(update={"debts": debts.unauthorised(change, rules, now)})}
    )
    if not debts.open_debts(owing):
        return owing.status.debts, None, None
    function = by_function(tuple(governed.values()))
    word = debts.ratification(
        owing,
        rules if change.spec.unauthorised is None else (),
        release,
        unentitled(change.status.approvals, APPROVE, rights, function=function),
        Voices(delegations, relays),
    )
    later, again = await _later(deps, owing, now)
    return debts.settled(owing, rules, release, word, later, now), word, again


async def _later(deps: Deps, change: ChangeRequest, now: datetime) -> tuple[dict[Key, str], datetime | None]:
    """The debts whose gate is open by now, and when time alone opens another one's."""
    ref = change.spec.release_ref
    rows = [row for row in debts.open_debts(change) if row.environment is not None]
    if ref is None or not rows:
        return {}, None
    names = dict.fromkeys(row.environment for row in rows if row.environment is not None)
    seen = {name: await _snapshot(deps, change, ref, name) for name in names}
    newer = {name: await _newer(deps, ref.name, seen[name]) for name in names}
    found: dict[Key, str] = {}
    times: list[datetime] = []
    for row in rows:
        where = row.environment or ""
        verdict, instead = _says(row, seen[where], now), made_up_for(row, newer[where])
        if instead is not None and verdict is not None:
            found[row.key] = instead
        elif verdict is not None and verdict.open:
            found[row.key] = f"{row.gate}: {verdict.message}" if verdict.message else f"{row.gate} is open"
        elif verdict is not None and verdict.retry_at is not None:
            times.append(verdict.retry_at)
    return found, min(times, default=None)


async def _newer(deps: Deps, release: str, s: Snapshot) -> Promotion | None:
    """What runs there instead, with its gates, which the store does not keep: one request. Raises PortError."""
    found = successor(release, s.peers)
    if found is None:
        return None
    read = await deps.cluster.get("Promotion", found.metadata.namespace, found.metadata.name)
    return read if isinstance(read, Promotion) and read.metadata.uid == found.metadata.uid else None


async def _snapshot(deps: Deps, change: ChangeRequest, release: Ref, environment: str) -> Snapshot:
    return await gather.beside(deps, asking(change, release, environment))


def _says(row: Debt, s: Snapshot, now: datetime) -> Verdict | None:
    """What the gate says now that nothing is skipped; None: nothing that happens later answers for it."""
    if s.release is None or s.environment is None or s.effective is None:
        return None
    if row.gate in (Bypass.ORDER, Bypass.SIGN_OFFS) and row.upstream is not None:
        verdict = passed_in(Subject(s, s.release, s.environment, s.effective), row.upstream)
        return Verdict(verdict.outcome, verdict.reason, verdict.message or f"passed {row.upstream}")
    return judge(row.gate, s, now) if row.gate in (Bypass.SOAK, Bypass.EVIDENCE, Bypass.REVIEW_DEBT) else None
