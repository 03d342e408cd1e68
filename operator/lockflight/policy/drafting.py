"""Which changes an environment has drafted by itself, and what such a draft says."""

from collections.abc import Iterator, Mapping, Sequence

from lockflight.api.changerequest import ChangeRequest, ChangeRequestSpec, DeclaredRisk, RollbackPlan, Strategy
from lockflight.api.common import ChangeType, Ref
from lockflight.api.promotion import Action, Promotion
from lockflight.api.release import Release
from lockflight.policy.auto import outgrown, upstream_passed, was_there
from lockflight.policy.model import Effective
from lockflight.policy.risk import Risk


def undrafted(
    release: Release,
    environments: Mapping[str, Effective],
    uids: Mapping[str, str],
    promotions: Sequence[Promotion],
    releases: Sequence[Release],
    changes: Sequence[ChangeRequest],
) -> Iterator[str]:
    """Environments with ``changeControl.draft`` that this release may go to next, and for which no change names it.

    One that was rejected, cancelled or expired is an answer: no other is drafted. ``promotions`` and ``releases`` are
    those of the application, ``changes`` those of the stack.
    """
    if release.status.digest is None or release.spec.hold is not None or release.metadata.deletion_timestamp:
        return
    name = release.metadata.name
    asked = {e for change in changes if change.spec.release == name for e in change.spec.environments}
    for environment, governed in sorted(environments.items()):
        control = governed.spec.change_control
        if control is None or not control.draft or governed.problems or environment in asked:
            continue
        here = [p for p in promotions if p.spec.environment_ref.name == environment]
        wanted = any(
            p.spec.release_ref.name == name
            and p.spec.action is Action.DEPLOY
            and (p.status.phase is None or not p.status.phase.final)
            for p in here
        )
        ripe = (
            bool(governed.promotes_from)
            and upstream_passed(release, governed, environments, uids)
            and not was_there(release, environment, uids)
            and not outgrown(release, here, releases)
        )
        if wanted or ripe:
            yield environment


def draft(
    release: Release, environment: str, risk: Risk | None, *, first: bool, irreversible: bool, pattern: str | None
) -> ChangeRequestSpec:
    """The change: Standard where ``pattern`` names one that fits, else Normal. What nobody can know is left out.

    Without ``risk`` a person drafts it, who says himself what may go wrong.
    """
    name, version = release.spec.application, release.spec.version
    return ChangeRequestSpec(
        type=ChangeType.STANDARD if pattern else ChangeType.NORMAL,
        title=f"{name} {version} to {environment}"[:256],
        reason=f"{release.metadata.name} is ready for {environment}, which asks for a change.",
        release_ref=Ref(name=release.metadata.name),
        environments=(environment,),
        standard_change_ref=Ref(name=pattern) if pattern else None,
        risk=DeclaredRisk(assessment=_assessment(risk)) if risk else None,
        rollback_plan=rollback_plan(release, first=first, irreversible=irreversible),
    )


def _assessment(risk: Risk) -> str:
    reasons = "; ".join(risk.reasons) or "nothing that raises it"
    words = f"Drafted by Lockflight from the computed risk, {risk.level}: {reasons}. Who submits it vouches for it."
    return words[:1024]


def rollback_plan(release: Release, *, first: bool, irreversible: bool) -> RollbackPlan | None:
    """The release's own plan, else Helm's way; None where only people can say how it is taken back."""
    given = release.spec.rollback_plan
    if given is not None and not (first and given.strategy is Strategy.HELM_ROLLBACK):
        return RollbackPlan(strategy=given.strategy, steps=given.steps)
    if irreversible:
        return None
    return RollbackPlan(
        strategy=Strategy.UNINSTALL if first else Strategy.HELM_ROLLBACK, steps=given.steps if given else ()
    )
