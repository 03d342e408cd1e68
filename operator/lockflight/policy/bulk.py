"""Bulk changes: one approval for releases of several stacks. Pure.

The whole lives in the operator's namespace. Its targets are called ``stack/environment``, and so are its plans and
uses: its life and quorum are those of a change with that many environments. Seen from one stack it is a change for that
stack's release: its *part*, whose plans and uses bear the plain names.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain

from lockflight.api import reasons
from lockflight.api.changerequest import ChangePlan, ChangeRequest, Use
from lockflight.api.common import Meta, Ref
from lockflight.api.conditions import find
from lockflight.api.promotion import Promotion
from lockflight.api.release import Release, ReleaseSpec, Source
from lockflight.policy.approvals import put_forward


@dataclass(frozen=True, slots=True)
class BulkTarget:
    """Where a bulk change goes: one release of one stack in one environment."""

    stack: str
    release: str
    environment: str

    @property
    def name(self) -> str:
        """As plans and uses of the whole call it."""
        return qualified(self.stack, self.environment)


def qualified(stack: str, name: str) -> str:
    """A name of one stack, told apart from that of another."""
    return f"{stack}/{name}"


def targets(change: ChangeRequest) -> tuple[BulkTarget, ...]:
    """All of them, in the order in which they are named; none where the change is no bulk change."""
    return tuple(
        BulkTarget(row.stack, row.name, environment)
        for row in change.spec.releases or ()
        for environment in change.spec.environments
    )


def widened(change: ChangeRequest) -> ChangeRequest:
    """The whole as a change with an environment for each target; any other change as it is."""
    if change.spec.releases is None:
        return change
    names = tuple(target.name for target in targets(change))
    return change.model_copy(update={"spec": change.spec.model_copy(update={"environments": names})})


def part(change: ChangeRequest, stack: str) -> ChangeRequest | None:
    """What the whole is to one stack; None where it names no release of it. Any other change is its own only part.

    Its identity, approvals and plan digest are those of the whole: what people approved is the whole.
    """
    if change.spec.releases is None:
        return change
    row = next((row for row in change.spec.releases if row.stack == stack), None)
    if row is None:
        return None
    spec = change.spec.model_copy(update={"releases": None, "release_ref": Ref(name=row.name)})
    status = change.status.model_copy(
        update={"plans": tuple(_plans(change, stack)), "used_by": tuple(_uses(change, stack))}
    )
    return change.model_copy(update={"spec": spec, "status": status})


def names(change: ChangeRequest, stack: str, release: str | None = None) -> bool:
    """Whether it is a bulk change that names a release of that stack: ``release``, or any."""
    return any(row.stack == stack and release in (None, row.name) for row in change.spec.releases or ())


def called(change: ChangeRequest, stack: str) -> str:
    """How a promotion of ``stack`` names the change that it runs under."""
    meta = change.metadata
    return meta.name if meta.namespace == stack else qualified(meta.namespace, meta.name)


def ran_under(change: ChangeRequest, promotions: Iterable[Promotion]) -> tuple[Promotion, ...]:
    """Those that name it in their status."""
    return tuple(p for p in promotions if p.status.change == called(change, p.metadata.namespace))


def unapproved(whole: ChangeRequest) -> str | None:
    """Why the whole is not approved, as far as all its stacks and environments are concerned; None: it is.

    An environment sees its own quorum, and this the one of all.
    """
    said, generation = find(whole.status.conditions, reasons.APPROVED), whole.metadata.generation
    if said is None or said.observed_generation != generation or whole.status.observed_generation != generation:
        return "it was not judged since it was edited"
    return None if said.status == "True" else said.message or "nobody decided yet"


def put_together(change: ChangeRequest, releases: Iterable[Release]) -> Release:
    """In place of one release: its authors are those of all, for none of them approves."""
    everybody = sorted(set(chain.from_iterable(put_forward(release) for release in releases)))
    spec = ReleaseSpec.model_construct(
        application=change.metadata.name, version="0.0.0", source=Source.model_construct(authors=tuple(everybody))
    )
    return Release(metadata=Meta(name=change.metadata.name, namespace=change.metadata.namespace), spec=spec)


def _plans(change: ChangeRequest, stack: str) -> Iterator[ChangePlan]:
    for plan in change.status.plans:
        where, _, environment = plan.environment.partition("/")
        if where == stack:
            yield plan.model_copy(update={"environment": environment})


def _uses(change: ChangeRequest, stack: str) -> Iterator[Use]:
    for use in change.status.used_by:
        where, _, environment = use.environment.partition("/")
        if where == stack:
            yield use.model_copy(update={"environment": environment})
