"""Make the plan of a release in an environment: resolve values, fetch charts, render, digest."""

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import rfc8785

from lockflight.api.common import parse_duration
from lockflight.api.environment import Environment
from lockflight.api.release import ChartComponent, Release
from lockflight.policy import footprint
from lockflight.policy.datapolicy import DataUse
from lockflight.policy.datause import uses
from lockflight.policy.digest import canonical_digest, release_digest
from lockflight.policy.driftrules import watched
from lockflight.policy.facts import Facts, common, facts, is_test
from lockflight.policy.model import Effective, Part, PlannedComponent, PlannedStep, PlanProblem, Revision
from lockflight.policy.plan import build_plan, component_plan
from lockflight.policy.removal import removal_plan
from lockflight.policy.values import Layered, layer
from lockflight.policy.valuestext import SourceError
from lockflight.ports import ChartError, HelmJob, PulledChart, Rendered, RenderError
from lockflight.workflow import sources
from lockflight.workflow.deps import Deps
from lockflight.workflow.plancache import Planned


class _ProblemError(Exception):
    """Ends the making of a plan."""

    def __init__(self, problem: PlanProblem) -> None:
        super().__init__(problem.message)
        self.problem = problem


def too_large(values: Mapping[str, Any] | None, where: str, limit: int) -> None:
    """Raise ChartError where values are larger than ``limit`` bytes as canonical JSON, or cannot be written so."""
    try:
        size = len(rfc8785.dumps(values or {}))
    except (rfc8785.CanonicalizationError, ValueError) as problem:
        raise ChartError("ValuesNotCanonical", f"{where}: {problem}", final=True) from problem
    if size > limit:
        msg = f"{where} is {size} bytes, allowed are {limit}: keep large files out of values"
        raise ChartError("ValuesTooLarge", msg, final=True)


async def plan_for(
    deps: Deps, stack: str, release: Release, environment: Environment, governed: Effective, target: str
) -> Planned | PlanProblem:
    """The plan, from the cache where every input is the same. Raises PortError where the cluster does not answer."""
    try:
        return await _plan(deps, stack, release, environment, governed, target)
    except (_ProblemError, SourceError) as stop:
        return stop.problem
    except ChartError as problem:
        return PlanProblem(problem.reason, str(problem), final=problem.final)
    except RenderError as problem:
        return PlanProblem("RenderFailed", str(problem))


async def _plan(
    deps: Deps, stack: str, release: Release, environment: Environment, governed: Effective, target: str
) -> Planned:
    digests = _chart_digests(release)
    found = await sources.read(deps, stack, governed)
    name = environment.metadata.name
    parts = release.spec.parts()
    layered = {
        part.name: layer(release, part, name, governed.spec, [(s.name, s.values) for s in found]) for part in parts
    }
    # What is bound and shown holds no secret value: rotation is shown, not approved again.
    public = {
        part.name: layer(release, part, name, governed.spec, [(s.name, s.masked()) for s in found]) for part in parts
    }
    for part in parts:
        too_large(
            layered[part.name].values, f"the values of component {part.name} in {name}", deps.options.values_max_bytes
        )
    key = canonical_digest(
        {
            # The digest says what is in it; whose it is, and whether it can be taken back, is not part of that.
            "release": [release.metadata.name, release.spec.application, release.status.digest],
            "reversible": list(release.spec.irreversible()),
            "helm": sorted(release.spec.helm_releases()),
            "requires": [list(row) for row in requires_of(release)],
            "charts": digests,
            "values": {n: v.values for n, v in layered.items()},
            "secrets": sorted(s.name for s in found if s.secret),
            "target": [stack, name, environment.spec.tier.value, target],
            "rules": rules_of(governed),
        }
    )
    known = deps.plans.get(key)
    if known is not None:
        return known
    secrets = [s.values for s in found if s.secret]
    charts: dict[str, PulledChart] = {}
    components: list[PlannedComponent] = []
    compared: dict[str, tuple[Facts, ...]] = {}
    comparable: list[Part] = []
    data: list[DataUse] = []
    for part in parts:
        charts[part.name] = await deps.charts.pull(part.chart, digests[part.name])
        try:
            objects, again = await _render(deps, release, part, charts[part.name], layered[part.name], target)
        except RenderError as problem:
            raise RenderError(f"component {part.name}: {sources.scrubbed(str(problem), secrets)}") from None
        made = component_plan(
            name=part.name,
            helm_release=part.helm_release(release.spec.application),
            chart_digest=digests[part.name],
            values=public[part.name].values,
            values_from=public[part.name].sources,
            objects=objects,
            namespace=target,
            reversible=part.reversible,
            unstable=objects != again,
        )
        if isinstance(made, PlanProblem):
            raise _ProblemError(made)
        components.append(made)
        data += uses(part.name, (*objects, *again) if made.unstable else objects)
        compared[part.name] = common(_facts(objects), _facts(again))
        comparable.append(
            footprint.part(
                name=made.helm_release,
                chart=part.chart.name or (part.chart.oci or "").rpartition("/")[2],
                chart_version=part.chart.version,
                chart_digest=made.chart_digest,
                values=layered[part.name].values,
                public=public[part.name].values,
                objects=objects,
                unstable=made.unstable,
            )
        )
    for check in governed.spec.exit.verification if governed.spec.exit else ():
        if check.job is not None:
            job = {"kind": "Job", "metadata": {"name": check.name}, **check.job.template.model_dump()}
            data += uses(f"verification {check.name}", [job])
    plan = build_plan(
        stack=stack,
        environment=name,
        tier=environment.spec.tier,
        application=release.spec.application,
        namespace=target,
        components=components,
        rules=rules_of(governed),
        secrets=secrets,
        secrets_key=deps.options.secrets_key,
        steps=_steps(release),
        requires=requires_of(release),
    )
    plan = replace(plan, parts=tuple(comparable), data=tuple(data))
    planned = Planned(plan, {n: v.values for n, v in layered.items()}, charts, compared, tuple(secrets))
    deps.plans.put(key, planned)
    return planned


def planned_removal(
    deps: Deps, release: Release, environment: Environment, governed: Effective, revisions: tuple[Revision, ...]
) -> Planned | PlanProblem:
    """The plan of taking the release away, by what Helm's storage holds of its application."""
    stack, application = environment.metadata.namespace, release.spec.application
    plan = removal_plan(
        stack=stack,
        environment=environment.metadata.name,
        tier=environment.spec.tier,
        namespace=environment.target_namespace(application),
        release=release,
        rules=rules_of(governed),
        revisions=revisions,
        known=deps.store.siblings(stack, application),
    )
    return plan if isinstance(plan, PlanProblem) else Planned(plan, {}, {})


def _steps(release: Release) -> tuple[PlannedStep, ...]:
    """What others do, in its place."""
    return tuple(
        PlannedStep(
            name=step.name,
            after=after,
            role=step.external.role,
            description=step.external.description,
            timeout=parse_duration(step.external.timeout),
            reversible=step.reversible,
        )
        for after, step in release.spec.steps()
        if step.external is not None
    )


def requires_of(release: Release) -> tuple[tuple[str, str], ...]:
    """What it needs of other applications: a release of the same content that needs less is another plan."""
    return tuple(sorted((row.application, row.version) for row in release.spec.requires))


def rules_of(governed: Effective) -> Mapping[str, Any]:
    """The rules that a decision about this environment relies on."""
    return {
        "promotesFrom": list(governed.promotes_from),
        **governed.spec.model_dump(
            mode="json",
            by_alias=True,
            exclude_none=True,
            include={"require", "soak", "entry", "change_control", "exit", "data"},
        ),
        **watched(governed.spec),
    }


def _chart_digests(release: Release) -> dict[str, str]:
    """What the operator resolved, checked against the spec: status alone is not believed."""
    known = {c.name: c.chart_digest for c in release.status.components}
    if release.status.digest is None:
        ready = next((c for c in release.status.conditions if c.type == "Ready"), None)
        message = ready.message if ready else "its charts are not resolved yet"
        raise _ProblemError(PlanProblem("ReleaseNotReady", f"release {release.metadata.name}: {message}"))
    for part in release.spec.parts():
        if part.name not in known or part.chart.digest not in (None, known[part.name]):
            msg = f"release {release.metadata.name}: status does not match spec for component {part.name}"
            raise _ProblemError(PlanProblem("ReleaseTampered", msg, final=True))
    if release_digest(release, known) != release.status.digest:
        msg = f"release {release.metadata.name}: status.digest is not the digest of what it holds"
        raise _ProblemError(PlanProblem("ReleaseTampered", msg, final=True))
    return known


async def _render(
    deps: Deps, release: Release, part: ChartComponent, chart: PulledChart, layered: Layered, target: str
) -> tuple[tuple[Mapping[str, Any], ...], tuple[Mapping[str, Any], ...]]:
    """What the component renders to, twice: what it makes up anew differs."""
    job = HelmJob(
        namespace=target,
        helm_release=part.helm_release(release.spec.application),
        chart=chart,
        values=layered.values,
        timeout=timedelta(minutes=1),
    )
    first, second = await asyncio.gather(deps.helm.render(job), deps.helm.render(job))
    return _all(first), _all(second)


def _facts(objects: Iterable[Mapping[str, Any]]) -> tuple[Facts, ...]:
    return tuple(found for obj in objects if not is_test(obj) and (found := facts(obj)) is not None)


def _all(rendered: Rendered) -> tuple[Mapping[str, Any], ...]:
    return (*rendered.objects, *rendered.hooks)
