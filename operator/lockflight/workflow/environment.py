"""Reconcile an Environment: is it governed, what goes in and out, what runs in its targets."""

from collections.abc import Sequence
from datetime import datetime

from lockflight.api import reasons
from lockflight.api.common import Tier
from lockflight.api.conditions import Condition, condition, merge
from lockflight.api.environment import Environment, TargetStatus
from lockflight.api.promotion import Promotion
from lockflight.api.release import Release
from lockflight.policy.holds import held
from lockflight.policy.model import Effective
from lockflight.policy.stage import inputs, outputs
from lockflight.policy.targets import targets
from lockflight.workflow import selftest
from lockflight.workflow.calendars import missing
from lockflight.workflow.configuration import pending
from lockflight.workflow.deps import Deps
from lockflight.workflow.gather import stack_effective
from lockflight.workflow.glass import shown
from lockflight.workflow.ruling import of_environment
from lockflight.workflow.status import write
from lockflight.workflow.upheld import upheld


async def reconcile(deps: Deps, environment: Environment) -> datetime | None:
    """Write what can be read off the stage. Nothing here depends on the time."""
    name, stack, now = environment.metadata.name, environment.metadata.namespace, deps.clock.now()
    root = stack == deps.options.root_namespace
    governed = stack_effective(deps, environment)
    generation = environment.metadata.generation
    here = [p for p in deps.store.of(Promotion, stack) if p.spec.environment_ref.name == name]
    unknown = missing(deps, environment, governed)
    problems = () if root else (*governed.problems, *([unknown] if unknown else []))
    releases = {r.metadata.name: r for r in deps.store.of(Release, stack)}
    rows = targets(environment.status.targets, here, releases)
    ready = condition(
        reasons.READY,
        *_ready(environment, governed, problems, rows, root=root),
        generation=generation,
        now=now,
    )
    configured = await pending(deps, environment, governed, rows) if not root else None
    admission = _admission(deps, environment)
    glass = shown(deps, environment, environment.status.conditions)
    held_up = upheld(deps, environment, governed, rows, releases)
    approvals, approved = await of_environment(deps, environment, governed)
    status = environment.status.model_copy(
        update={
            "observed_generation": generation,
            "conditions": merge(
                environment.status.conditions,
                [ready, *approved, *filter(None, [configured, admission, glass, held_up])],
            ),
            "inputs": inputs(governed),
            "outputs": outputs(governed),
            "targets": rows,
            "running": ", ".join(row.release for row in rows) or None,
        }
        | approvals
    )
    # Guarded: what runs is folded into what was read.
    await write(deps, environment, status, guarded=True)
    return None


def _ready(
    environment: Environment, governed: Effective, problems: Sequence[str], rows: Sequence[TargetStatus], *, root: bool
) -> tuple[bool, str, str]:
    """Whether releases may enter, the reason and the message."""
    hold = environment.spec.hold if root else held(governed, "")
    if problems:
        return False, "NotGoverned", "; ".join(problems)
    if hold is not None:
        return False, "Held", f"held: {hold.reason}"
    if root:
        return True, "Baseline", f"baseline of tier {environment.spec.tier}"
    if environment.spec.retired:
        left = ", ".join(row.release for row in rows)
        return True, reasons.RETIRED, f"nothing enters; {f'still there: {left}' if left else 'nothing is left'}"
    return True, "Governed", "open to releases that pass its gates"


def _admission(deps: Deps, environment: Environment) -> Condition | None:
    """Whether the policies hold that a promotion into it rests on; None where the gate Admission does not ask."""
    found = selftest.known(deps, environment.metadata.namespace)
    if environment.spec.tier.rank < Tier.UAT.rank or found is None:
        return None
    failed = found.problems or found.unknown
    others = f"others may change what is written here: {', '.join(found.others)}" if found.others else ""
    return condition(
        reasons.ADMISSION_IN_FORCE,
        not failed,
        (reasons.POLICIES_NOT_IN_FORCE if found.problems else reasons.CANNOT_TELL) if failed else reasons.IN_FORCE,
        "; ".join(failed) or others,
        generation=environment.metadata.generation,
        now=deps.clock.now(),
    )
