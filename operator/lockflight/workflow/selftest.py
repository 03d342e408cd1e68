"""Run the self-test: at the start, on any change of admission, every minute, and right before each Helm call."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from datetime import timedelta
from typing import Any, Final

import structlog

from lockflight.api.changerequest import ChangeRequest
from lockflight.api.common import GROUP, Tier
from lockflight.api.environment import Environment
from lockflight.policy.model import Snapshot
from lockflight.policy.selftest import Admission, Comparison, compare, digests, tampered
from lockflight.ports import Forgery, PortError
from lockflight.workflow.deps import Deps
from lockflight.workflow.findings import Findings
from lockflight.workflow.guardprobe import guard_forgeries, target_forgeries

log = structlog.get_logger()

EVERY: Final = timedelta(minutes=1)
SOON: Final = timedelta(seconds=5)
# Policies act about a second after they changed: a comparison that old is as good as a new one.
_AS_GOOD_AS_NEW: Final = timedelta(seconds=1)
_PROBES_AT_A_TIME: Final = 4
_SETTLING: Final = timedelta(milliseconds=500)

FOUR_EYES: Final = "lockflight-four-eyes"
SIGN_OFFS: Final = "lockflight-people-promotions-signoffs"
APPROVALS: Final = "lockflight-people-changerequests-approvals"


def known(deps: Deps, stack: str) -> Admission | None:
    """What the last round found about a stack; None: none has been there yet."""
    found = deps.findings
    probed = found.stacks.get(stack)
    if (found.comparison is None and not found.unknown) or probed is None:
        return None
    return _together(found, probed)


async def shown(deps: Deps, stack: str) -> Admission:
    """What is known about a stack; one that is new is looked at now. Never raises PortError."""
    found = known(deps, stack)
    if found is not None:
        return found
    _, probed = await asyncio.gather(_compare(deps), _probed(deps, _of_stack(deps, stack)))
    deps.findings.stacks[stack] = probed
    return _together(deps.findings, probed)


async def fresh(deps: Deps, snapshot: Snapshot) -> Admission:
    """Compare and probe now, on the very objects that this promotion rests on. Never raises PortError."""
    _, probed = await asyncio.gather(
        _compare(deps), _probed(deps, (*forgeries(snapshot), *target_forgeries(deps, snapshot)))
    )
    return _together(deps.findings, probed)


async def of_change(deps: Deps, change: ChangeRequest) -> Admission:
    """Compare and probe now, on a change on whose word others act. Never raises PortError."""
    meta = change.metadata
    where = {"namespace": meta.namespace, "kind": "ChangeRequest", "name": meta.name}
    forged = [Forgery(policy=APPROVALS, body={"approvals": [_entry()]}, **where)]
    _, probed = await asyncio.gather(_compare(deps), _probed(deps, forged))
    return _together(deps.findings, probed)


def forgeries(snapshot: Snapshot) -> Iterable[Forgery]:
    """An approval of the change, and a sign-off of the promotion, that nobody gave."""
    promotion, change = snapshot.promotion, snapshot.change
    where = {"namespace": snapshot.stack, "kind": "Promotion", "name": promotion.metadata.name}
    yield Forgery(policy=SIGN_OFFS, body={"signOffs": [_entry()]}, **where)
    if change is not None:
        where |= {"kind": "ChangeRequest", "namespace": change.metadata.namespace, "name": change.metadata.name}
        yield Forgery(policy=APPROVALS, body={"approvals": [_entry()]}, **where)


async def round_(deps: Deps) -> bool:
    """Compare, and probe every guarded stack; whether the outcome is another than before."""
    before = (deps.findings.comparison, deps.findings.unknown, dict(deps.findings.stacks))
    await _compare(deps)
    stacks = _stacks(deps)
    places = asyncio.Semaphore(_PROBES_AT_A_TIME)

    async def probe(stack: str) -> Admission:
        async with places:
            return await _probed(deps, _of_stack(deps, stack))

    probed = await asyncio.gather(*map(probe, stacks))
    deps.findings.stacks = dict(zip(stacks, probed, strict=True))
    _measure(deps)
    await _seal(deps)
    return before != (deps.findings.comparison, deps.findings.unknown, deps.findings.stacks)


async def keep_testing(deps: Deps, changed: asyncio.Event, differs: Callable[[], None]) -> None:
    """Rounds without end; ``changed`` asks for one now, ``differs`` is told when one found something else."""
    while True:
        changed.clear()
        if await round_(deps):
            differs()
        # A policy acts a second after it was installed: what failed is looked at again sooner.
        await _either(changed.wait(), deps.clock.sleep(SOON if _failed(deps.findings) else EVERY))
        if changed.is_set():
            # Whoever installs policies writes a dozen of them.
            await deps.clock.sleep(_SETTLING)


async def _compare(deps: Deps) -> None:
    found = deps.findings
    async with found.comparing:
        now = deps.clock.now()
        if found.compared_at is not None and now - found.compared_at <= _AS_GOOD_AS_NEW:
            return
        try:
            account, registered = await asyncio.gather(deps.admission.account(), deps.admission.registered())
        except PortError as problem:
            found.compared_at, found.unknown = None, f"the policies could not be compared: {problem}"
            return
        shipped = digests(deps.options.policies(account), stamps=registered.stamps)
        was, found.comparison = found.comparison, compare(shipped, registered.objects)
        found.compared_at, found.unknown = now, ""
        if found.comparison.differences and found.comparison != was:
            log.error("admission policies are not those that were shipped", differences=found.comparison.differences)


async def _probed(deps: Deps, forgeries: Iterable[Forgery]) -> Admission:
    probes = await asyncio.gather(*(_probe(deps, forgery) for forgery in forgeries))
    return Admission(
        problems=tuple(problem for probe in probes for problem in probe.problems),
        unknown=tuple(unknown for probe in probes for unknown in probe.unknown),
    )


async def _probe(deps: Deps, forgery: Forgery) -> Admission:
    what = f"a forged {forgery.kind} in {forgery.namespace}"
    try:
        policies = await deps.admission.refused_by(forgery)
    except PortError as problem:
        return Admission(unknown=(f"{what} did not come as far as policy {forgery.policy}: {problem}",))
    if forgery.policy in policies:
        return Admission()
    by = f"refused by {', '.join(policies)} only" if policies else "let through"
    return Admission(problems=(f"{what} was {by}, not refused by policy {forgery.policy}",))


def _together(found: Findings, probed: Admission) -> Admission:
    comparison = found.comparison or Comparison()
    return Admission(
        problems=(*comparison.differences, *probed.problems),
        unknown=(*filter(None, [found.unknown]), *probed.unknown),
        others=comparison.others,
    )


def _failed(found: Findings) -> bool:
    compared = found.unknown or found.comparison is None or found.comparison.differences
    return bool(compared) or any(p.problems or p.unknown for p in found.stacks.values())


def _stacks(deps: Deps) -> tuple[str, ...]:
    """Stacks with an environment whose gate Admission asks."""
    root = deps.options.root_namespace
    guarded = {e.metadata.namespace for e in deps.store.of(Environment) if e.spec.tier.rank >= Tier.UAT.rank}
    return tuple(sorted(guarded - {root}))


def _of_stack(deps: Deps, stack: str) -> tuple[Forgery, ...]:
    return (*round_forgeries(stack), *guard_forgeries(deps, stack))


def round_forgeries(stack: str) -> tuple[Forgery, ...]:
    """What needs no object to be there: a promotion that the garbage collector could be made to delete."""
    owner = {"apiVersion": "v1", "kind": "ConfigMap", "name": "probe", "uid": "0" * 36}
    body: Mapping[str, Any] = {
        "metadata": {"name": "lockflight-probe", "namespace": stack, "ownerReferences": [owner]},
        "spec": {"releaseRef": {"name": "probe"}, "environmentRef": {"name": "probe"}},
    }
    return (Forgery(policy=FOUR_EYES, kind="Promotion", namespace=stack, body=body),)


def _entry() -> Mapping[str, Any]:
    digest = "sha256:" + "0" * 64
    return {"role": "probe", "decision": "Approved", "by": f"{GROUP}/probe", "generation": 1, "planDigest": digest}


async def _seal(deps: Deps) -> None:
    """Each problem is in the audit trail once for as long as it stands; tried again in the next round."""
    found, root = deps.findings, deps.options.root_namespace
    differences = found.comparison.differences if found.comparison else ()
    standing = [(root, text) for text in differences]
    standing += [(stack, text) for stack, probed in found.stacks.items() for text in probed.problems]
    found.since = {problem: found.since.get(problem) or deps.clock.now() for problem in standing}
    for (chain, text), since in found.since.items():
        try:
            await deps.audit.seal(chain, tampered(root, chain, text, since))
        except PortError as problem:
            log.warning("could not seal that a policy was tampered with", problem=str(problem))


def _measure(deps: Deps) -> None:
    found = deps.findings
    probes = sum(bool(p.problems or p.unknown) for p in found.stacks.values())
    compared = len(found.comparison.differences) if found.comparison else 0
    deps.metrics.gauge("self_test_failures", compared + bool(found.unknown), half="compare")
    deps.metrics.gauge("self_test_failures", probes, half="probe")
    deps.metrics.gauge("other_mutators", len(found.comparison.others) if found.comparison else 0)


async def _either(*waits: Awaitable[object]) -> None:
    tasks = [asyncio.ensure_future(wait) for wait in waits]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
