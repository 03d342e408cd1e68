"""What the minute's comparison finds goes into the target's record of what nobody permitted."""

from collections.abc import Sequence
from itertools import count

from lockflight.api.changerequest import ChangeRequest
from lockflight.api.environment import Environment
from lockflight.policy.comparison import Difference
from lockflight.policy.unauthorised import Finding, finding_of, record_name
from lockflight.workflow.deps import Deps
from lockflight.workflow.driftrounds import looked
from lockflight.workflow.settled import settle
from lockflight.workflow.unauthorised import record


async def write_down(deps: Deps, environment: Environment, application: str, found: Sequence[Difference]) -> None:
    """Record what is ``found`` now; what was undone and done again is another finding, what merely stays is none.

    Raises PortError; call it again then.
    """
    target = environment.metadata.uid, application
    known = deps.outside.get(target)
    if known is None:
        # A new process: what the newest record says is standing still.
        known = _recorded(deps, environment, application)
    since = f"since {deps.clock.now():%Y-%m-%dT%H:%M:%SZ}"
    standing = {finding: known.get(finding, since) for finding in map(finding_of, found)}
    deps.outside[target] = standing
    rows = [Finding(f.object, f.what, f.by, revision) for f, revision in standing.items()]
    await record(deps, environment, application, rows)
    row = next((r for r in environment.status.targets if r.application == application), None)
    if row is not None and looked(deps, environment, row):
        await settle(deps, environment, row, standing)


def _recorded(deps: Deps, environment: Environment, application: str) -> dict[Finding, str]:
    known: dict[Finding, str] = {}
    for number in count(1):
        called = record_name(environment.metadata.name, application, number)
        change = deps.store.get(ChangeRequest, environment.metadata.namespace, called)
        if change is None:
            return known
        standing = (row for row in change.status.findings if row.settled is None)
        known |= {Finding(row.object, row.what, row.changed_by or ""): row.revision for row in standing}
    raise AssertionError
