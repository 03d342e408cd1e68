"""Whether what runs in an environment still has behind it what it came in by."""

from collections.abc import Mapping, Sequence

from lockflight.api import reasons
from lockflight.api.conditions import Condition, condition, find
from lockflight.api.environment import Environment, TargetStatus
from lockflight.api.release import Release
from lockflight.policy.model import Effective
from lockflight.policy.withdrawal import lost, may_have_lost
from lockflight.workflow.deps import Deps
from lockflight.workflow.gather import stack_effective


def upheld(
    deps: Deps,
    environment: Environment,
    governed: Effective,
    rows: Sequence[TargetStatus],
    releases: Mapping[str, Release],
) -> Condition | None:
    """The condition UpstreamWithdrawn; None: nothing was ever withdrawn that matters here."""
    words = []
    for row in rows:
        release = releases.get(row.release)
        if release is None or release.status.digest != row.digest or not may_have_lost(release):
            continue
        stack = {e.metadata.name: e for e in deps.store.of(Environment, environment.metadata.namespace)}
        proofs = {
            p.name: p
            for p in release.status.environments
            if p.digest == row.digest and p.name in stack and p.environment_uid == stack[p.name].metadata.uid
        }
        others = {name: stack_effective(deps, found) for name, found in stack.items()}
        words += [text for _, text in lost(release, governed.promotes_from, others, proofs)]
    if not words and find(environment.status.conditions, reasons.UPSTREAM_WITHDRAWN) is None:
        return None
    message = f"{'; '.join(words)}; it runs here all the same: a person decides" if words else ""
    return condition(
        reasons.UPSTREAM_WITHDRAWN,
        bool(words),
        reasons.WITHDRAWN_UPSTREAM if words else "Upheld",
        message[:32_000],
        generation=environment.metadata.generation,
        now=deps.clock.now(),
    )
