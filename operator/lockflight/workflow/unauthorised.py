"""Write down what was changed without permission: one open ChangeRequest for each target, not one for each finding."""

import itertools
from collections.abc import Sequence

from lockflight.api.changerequest import ChangeRequest
from lockflight.api.common import API_VERSION
from lockflight.api.environment import Environment
from lockflight.policy.unauthorised import Finding, asked_for, full, merged, record_name, says
from lockflight.ports import ConflictError, Severity
from lockflight.workflow.deps import Deps
from lockflight.workflow.status import write


async def record(deps: Deps, environment: Environment, application: str, findings: Sequence[Finding]) -> None:
    """Open the target's record, or add to it. The same findings again cost no request.

    What a closed record says was judged by people: it opens no other one. Raises PortError; call it again then.
    """
    if not findings or _known(deps, environment, application, findings):
        return
    stack, name = environment.metadata.namespace, environment.metadata.name
    for number in itertools.count(1):
        called = record_name(name, application, number)
        found = await deps.cluster.get("ChangeRequest", stack, called)
        if found is None:
            found = await deps.cluster.create(
                {
                    "apiVersion": API_VERSION,
                    "kind": "ChangeRequest",
                    "metadata": {"name": called, "namespace": stack},
                    "spec": asked_for(name, application, findings),
                }
            ) or await deps.cluster.get("ChangeRequest", stack, called)
        if not isinstance(found, ChangeRequest):
            msg = f"{called} was deleted while it was written"
            raise ConflictError(msg)
        deps.store.put(found)
        if _ended(found):
            if says(found, findings, deps.clock.now()):
                return
            continue
        await _add(deps, environment, found, findings)
        return


async def _add(deps: Deps, environment: Environment, found: ChangeRequest, findings: Sequence[Finding]) -> None:
    """Raises ConflictError where somebody wrote in between."""
    rows = merged(found.status.findings, findings, deps.clock.now())
    if rows == found.status.findings:
        return
    new = rows[len(found.status.findings) :]
    await write(deps, found, found.status.model_copy(update={"findings": rows}), guarded=True)
    words = "; ".join(f"{row.object}: {row.what}{f' (by {row.changed_by})' if row.changed_by else ''}" for row in new)
    deps.events.emit(environment, Severity.WARNING, "Unauthorised", f"{words}; see change {found.metadata.name}")


def _known(deps: Deps, environment: Environment, application: str, findings: Sequence[Finding]) -> bool:
    """Whether the newest record that the watches told of says all of it."""
    stack, name = environment.metadata.namespace, environment.metadata.name
    newest = None
    for number in itertools.count(1):
        found = deps.store.get(ChangeRequest, stack, record_name(name, application, number))
        if found is None:
            break
        newest = found
    if newest is None:
        return False
    return says(newest, findings, deps.clock.now()) or (full(newest) and not _ended(newest))


def _ended(change: ChangeRequest) -> bool:
    return change.status.phase is not None and change.status.phase.ended
