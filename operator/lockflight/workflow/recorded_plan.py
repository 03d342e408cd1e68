"""The plan of a way back whose charts cannot be had any more: out of Helm's history, which holds what was applied."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from lockflight.api.environment import Environment
from lockflight.api.release import Release
from lockflight.policy.datapolicy import DataUse
from lockflight.policy.datause import uses
from lockflight.policy.labels import short
from lockflight.policy.model import Effective, PlannedComponent, PlanProblem, Snapshot
from lockflight.policy.plan import build_plan, component_plan
from lockflight.policy.revisions import newest, verified
from lockflight.workflow.deps import Deps
from lockflight.workflow.plancache import Planned
from lockflight.workflow.planning import requires_of, rules_of

CHARTS_GONE: Final = ("ChartNotFound", "DigestMismatch", "ChartUnreadable", "RegistryUnreachable", "RegistryRefused")


async def recorded_plan(
    deps: Deps, s: Snapshot, release: Release, environment: Environment, governed: Effective
) -> Planned | None:
    """What Helm's history holds of every component, verified here; None where it lacks one of them.

    Its values are those of then: the revision stands for them. Raises PortError.
    """
    application, digest = release.spec.application, short(release.status.digest or "")
    target = environment.target_namespace(application)
    good = tuple(r for r in s.revisions if r.release_digest == digest and verified(s, r))
    charts = {c.name: c.chart_digest for c in release.status.components}
    components: list[PlannedComponent] = []
    values: list[Mapping[str, Any]] = []
    data: list[DataUse] = []
    for part in release.spec.parts():
        revision = newest(good, part.helm_release(application))
        if revision is None or part.name not in charts:
            return None
        recorded = await deps.helm.recorded(target, revision.helm_release, revision.revision)
        if recorded is None:
            return None
        made = component_plan(
            name=part.name,
            helm_release=revision.helm_release,
            chart_digest=charts[part.name],
            values={"recorded": [revision.helm_release, revision.release_digest, revision.plan]},
            values_from=(f"Helm's history, revision {revision.revision}",),
            objects=recorded.objects,
            namespace=target,
            reversible=part.reversible,
            unstable=False,
        )
        if isinstance(made, PlanProblem):
            return None
        components.append(made)
        values.append(recorded.values)
        data += uses(part.name, recorded.objects)
    plan = build_plan(
        stack=environment.metadata.namespace,
        environment=environment.metadata.name,
        tier=environment.spec.tier,
        application=application,
        namespace=target,
        components=components,
        rules=rules_of(governed),
        secrets=(),
        secrets_key=b"",
        requires=requires_of(release),
    )
    # Which of the values of then came from Secrets nobody knows any more: no message shows any of them.
    return Planned(replace(plan, data=tuple(data)), {}, {}, secrets=tuple(values))
