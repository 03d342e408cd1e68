"""Release: an immutable, versioned set of Helm charts by digest, with configuration and evidence."""

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from lockflight.api.changerequest import Strategy
from lockflight.api.common import (
    API_VERSION,
    LABEL,
    SET,
    Cel,
    Digest,
    Duration,
    Image,
    Label,
    Meta,
    Name,
    ObjectName,
    Reason,
    Ref,
    Schema,
    Semver,
    Text,
    Time,
    Timeout,
    Uid,
    Values,
    fixed,
    keyed,
    rules,
)
from lockflight.api.conditions import Conditions
from lockflight.api.data import DataSet
from lockflight.api.evidence import MOST_WORDS, Evidence, EvidenceWord

HELM_NAME = "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"
DEFAULT_COMPONENT = "app"
"""The component's name where a Release uses the short form ``chart``."""


class ReleaseType(StrEnum):
    """What kind of release it is."""

    SCHEDULED = "Scheduled"
    HOTFIX = "Hotfix"
    CONFIG = "Config"


class Source(Schema):
    """Where the release was built from."""

    repository: Annotated[str, Field(max_length=512)] | None = Field(None, description="URL of the source repository.")
    revision: Annotated[str, Field(max_length=64)] | None = Field(None, description="The commit.")
    branch: Annotated[str, Field(max_length=256)] | None = Field(
        None, description="The branch it was merged to; Environments may ask for certain ones."
    )
    tag: Annotated[str, Field(max_length=128)] | None = Field(
        None, description="The tag; where tagged builds are asked for, it must say the version."
    )
    authors: Annotated[tuple[Annotated[str, Field(max_length=256)], ...], Field(max_length=64)] = Field(
        (), description="Who wrote it."
    )


class Chart(Schema):
    """A Helm chart: by OCI reference, or by the name it has in a chart repository."""

    model_config = rules(
        Cel(
            "has(self.oci) != has(self.repository)",
            "a chart comes from oci or from repository: give exactly one of them",
        ),
        Cel(
            "has(self.repository) == has(self.name)",
            "a chart in a repository has a name there, an oci chart has none: repository and name go together",
        ),
    )

    oci: Annotated[str, Field(pattern=r"^oci://[^/@\s]+(/[^/:@\s]+)+$", max_length=512)] | None = Field(
        None, description="Repository in an OCI registry, without version: oci://registry.example/charts/payments."
    )
    repository: Annotated[str, Field(pattern=r"^https?://[^@\s]+$", max_length=512)] | None = Field(
        None, description="URL of a chart repository, without user or password."
    )
    name: Annotated[str, Field(pattern=r"^[a-zA-Z0-9._-]+$", max_length=128)] | None = Field(
        None, description="The chart's name in that repository."
    )
    version: Semver = Field(description="The chart's version.")
    digest: Digest | None = Field(
        None,
        description="Digest of the OCI manifest, or of the archive in a chart repository. May be left out below UAT: "
        "then it is resolved once and frozen in status.",
    )


class External(Schema):
    """A step that Lockflight does not apply: Argo CD, a pipeline or people do, once it is authorised."""

    role: Label = Field(description="Who says how it went: holders of attest on evidencetypes/<role>.")
    description: Text = Field(description="What is done, for those who approve it.")
    timeout: Timeout = Field(description="The longest it may take from its authorisation, such as 1h.")


class Component(Schema):
    """One Helm chart of the bundle, or a step that others take in its place in the order."""

    model_config = rules(
        Cel(
            "has(self.chart) != has(self.external)",
            "a component is a chart, or a step that others take: give exactly one of chart and external",
        ),
        Cel(
            "!has(self.external) || !has(self.values)", "values are Helm's: a step that others take has none", "values"
        ),
        Cel(
            "!has(self.external) || !has(self.releaseName)",
            "a Helm release is Helm's: a step that others take has no releaseName",
            "releaseName",
        ),
    )

    name: Label = Field(description="Its name; the Helm release is called <application>-<name>.")
    release_name: Annotated[str, Field(pattern=HELM_NAME, max_length=53)] | None = Field(
        None,
        description="The Helm release, where it is called otherwise. One that exists already, and that Lockflight did "
        "not make, is taken over.",
    )
    chart: Chart | None = None
    external: External | None = None
    values: Values | None = Field(None, description="Helm values: over the chart's own.")
    reversible: bool = Field(True, description="false: cannot be taken back, such as a schema migration.")
    data: Annotated[tuple[DataSet, ...], Field(max_length=16, json_schema_extra=keyed("name"))] = Field(
        (), description="The data that it brings; part of the release digest."
    )


class ChartComponent(Component):
    """A component that Helm applies."""

    chart: Chart

    def helm_release(self, application: str) -> str:
        """What its Helm release is called."""
        return self.release_name or f"{application}-{self.name}"


class ComponentValues(Schema):
    """Values for one component in one environment."""

    values: Values = Field(description="Helm values: over the component's.")


class EnvironmentValues(Schema):
    """The team's configuration for one environment; part of the release digest."""

    values: Values | None = Field(None, description="Helm values for every component.")
    components: Annotated[dict[str, ComponentValues], Field(max_length=16)] | None = None


_NUMBER = "(0|[1-9][0-9]*)"
_PART = "([0-9]*[A-Za-z-][0-9A-Za-z-]*|0|[1-9][0-9]*)"
_BOUND = rf"(>=|<=|>|<|=)?{_NUMBER}(\.{_NUMBER}(\.{_NUMBER}(-{_PART}(\.{_PART})*)?)?)?"


class Requirement(Schema):
    """Another application that must run where this release goes, in a version that it works with."""

    application: Label = Field(description="The other application.")
    version: Annotated[str, Field(pattern=f"^{_BOUND}( {_BOUND})*$", max_length=128)] = Field(
        description="Bounds that must all hold, such as >=1.2 <2; =1.2 is any 1.2.x. A pre-release comes before its "
        "version."
    )


class ScopeItem(Schema):
    """A piece of work that the release brings: for the release note and for those who approve it."""

    id: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._/#-]*$", max_length=64)] = Field(
        description="Its number in the tracker, such as PAY-381."
    )
    title: Annotated[str, Field(pattern=r"\S", max_length=256)] = Field(description="What it is about, in a line.")


class ReleaseRollback(Schema):
    """How a change that brings this release is taken back, where the operator drafts it."""

    model_config = rules(
        Cel(
            "self.strategy in ['HelmRollback', 'Uninstall'] || size(self.steps) > 0",
            "RollForward, Restore and Manual are done by people: write down the steps",
            "steps",
        )
    )

    strategy: Strategy
    steps: Annotated[
        tuple[Annotated[str, Field(min_length=1, max_length=1024)], ...],
        Field(max_length=32, json_schema_extra={"default": []}, description="What people do, in order."),
    ] = ()


_IMMUTABLE = (
    "application",
    "version",
    "type",
    "basedOn",
    "includes",
    "source",
    "chart",
    "components",
    "environments",
    "evidence",
    "scope",
    "train",
    "rollbackPlan",
    "requires",
)


class ReleaseSpec(Schema):
    """What is released. Immutable, except hold."""

    model_config = rules(
        Cel(
            "has(self.chart) != has(self.components)",
            "a release has chart (one component) or components: give exactly one of them",
        ),
        *(fixed(f, f"a release is immutable: {f} cannot change, create another version") for f in _IMMUTABLE),
        Cel(
            "(has(self.type) && self.type in ['Config', 'Hotfix']) == has(self.basedOn)",
            "a Config or Hotfix release, and no other, names in basedOn the release that it changes",
            "basedOn",
        ),
        Cel(
            "!has(self.includes) || size(self.includes) == 0 || !has(self.type) || self.type != 'Config'",
            "a Config release brings the bytes of basedOn, and the hotfixes in them: leave includes out",
            "includes",
        ),
        Cel(
            "(has(self.type) && self.type == 'Config') == self.version.matches('[+]cfg[.][1-9][0-9]*$')",
            "a Config release, and no other, has a version that ends with +cfg.N, such as 2.4.0+cfg.1",
            "version",
        ),
        Cel(
            "self.version.matches('[0-9A-Za-z]$')",
            "version becomes a label: it ends with a letter or a digit",
            "version",
        ),
        Cel(
            "!has(self.requires) || !self.requires.exists(r, r.application == self.application)",
            "requires names other applications: what belongs to this one goes into its components",
            "requires",
        ),
        Cel(
            "!has(self.components) || self.components.exists(c, has(c.chart))",
            "a release has a chart at least: what others do alone is a change with an activity",
            "components",
        ),
        Cel(
            "!has(self.components) || self.components.all(c, size(self.application) + size(c.name) < 53)",
            "the Helm release name <application>-<component> has at most 53 characters: shorten one of them",
            "components",
        ),
        Cel(
            "!has(self.components) || self.components.all(c, !has(c.releaseName) || self.components.exists_one(x, "
            "(has(x.releaseName) ? x.releaseName : self.application + '-' + x.name) == c.releaseName))",
            "two components cannot be one Helm release: each releaseName once",
            "components",
        ),
        Cel(
            f"!has(self.environments) || self.environments.all(e, size(e) <= 40 && e.matches('{LABEL}'))",
            "the keys of environments are names: a-z, 0-9 and -, at most 40 characters",
            "environments",
        ),
        Cel(
            "!has(self.environments) || self.environments.all(e, !has(self.environments[e].components) || "
            "self.environments[e].components.all(c, has(self.components) ? self.components.exists(x, x.name == c) : "
            f"c == '{DEFAULT_COMPONENT}'))",
            "environments.<name>.components names a component that this release does not have: "
            f"take a name from components; with the short form chart it is {DEFAULT_COMPONENT}",
            "environments",
        ),
    )

    application: Label = Field(description="What this is a version of.")
    version: Semver = Field(description="The version, by Semantic Versioning.")
    type: ReleaseType | None = Field(
        None,
        description="Scheduled; Hotfix: mends basedOn, which production runs; or Config: charts and images of basedOn, "
        "new values. Default Scheduled.",
    )
    based_on: Ref | None = Field(
        None,
        description="Config: the release of the same version without +cfg.N. Hotfix: the release that it mends.",
    )
    includes: Annotated[tuple[Name, ...], Field(max_length=32, json_schema_extra=SET)] = Field(
        (), description="Hotfixes that this release contains, by the names of their Releases."
    )
    source: Source | None = None
    chart: Chart | None = None
    components: (
        Annotated[
            tuple[Component, ...],
            Field(
                min_length=1,
                max_length=16,
                json_schema_extra=keyed("name"),
            ),
        ]
        | None
    ) = None
    environments: Annotated[dict[str, EnvironmentValues], Field(max_length=32)] | None = None
    evidence: Annotated[tuple[Evidence, ...], Field(max_length=64)] = ()
    scope: Annotated[tuple[ScopeItem, ...], Field(max_length=128, json_schema_extra=keyed("id"))] = Field(
        (), description="What it brings. Said, not proven: it is no part of the digest."
    )
    train: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]+$", max_length=48)] | None = Field(
        None, description="A later train than the one it made the cut-off of, by name."
    )
    rollback_plan: ReleaseRollback | None = Field(None, description="Goes into the changes that the operator drafts.")
    requires: Annotated[tuple[Requirement, ...], Field(max_length=16, json_schema_extra=keyed("application"))] = Field(
        (), description="Other applications that must run, verified, in an environment that this release enters."
    )
    hold: Reason | None = Field(None, description="Prevents progression to environments not yet reached.")

    def parts(self) -> tuple[ChartComponent, ...]:
        """The components that Helm applies, in order, with the short form written out."""
        if self.components is not None:
            return tuple(
                ChartComponent(
                    name=c.name, release_name=c.release_name, chart=c.chart, values=c.values, reversible=c.reversible
                )
                for c in self.components
                if c.chart is not None
            )
        if self.chart is None:
            return ()
        return (ChartComponent(name=DEFAULT_COMPONENT, chart=self.chart),)

    def helm_releases(self) -> frozenset[str]:
        """What its Helm releases are called."""
        return frozenset(part.helm_release(self.application) for part in self.parts())

    def taken_over(self) -> frozenset[str]:
        """The Helm releases that it names itself."""
        return frozenset(part.release_name for part in self.parts() if part.release_name is not None)

    def steps(self) -> tuple[tuple[int, Component], ...]:
        """The steps that others take, each with the number of charts that come before it."""
        found: list[tuple[int, Component]] = []
        charts = 0
        for component in self.components or ():
            if component.external is None:
                charts += 1
            else:
                found.append((charts, component))
        return tuple(found)

    def data(self) -> tuple[tuple[str, DataSet], ...]:
        """The data that the release brings, each with its component."""
        return tuple((c.name, each) for c in self.components or () for each in c.data)

    def irreversible(self) -> tuple[str, ...]:
        """Names of the components that cannot be taken back."""
        return tuple(c.name for c in self.components or () if not c.reversible)


class ResolvedComponent(Schema):
    """The digest a component's chart resolved to; once written it never changes."""

    name: ObjectName = Field(description="The component.")
    chart_digest: Digest = Field(description="The bytes of its chart.")


class Beside(Schema):
    """A release of another application that ran in the environment, verified, when this one was verified there."""

    application: ObjectName = Field(description="The other application.")
    release: ObjectName = Field(description="Its Release.")
    version: ObjectName = Field(description="Its version.")
    digest: Digest = Field(description="Its release digest.")


class Passage(Schema):
    """The proof that this release passed an environment; it survives pruned Promotions."""

    name: ObjectName = Field(description="The environment.")
    environment_uid: Uid = Field("", alias="environmentUID", description="UID of that Environment.")
    digest: Digest = Field(description="The release digest that was there.")
    deployed_at: Time = Field(description="When Helm had applied it there.")
    verified_at: Time | None = Field(None, description="When its verification had passed.")
    signed_off_at: Time | None = Field(None, description="When the environment was passed: verified and signed off.")
    withdrawn: Annotated[str, Field(max_length=1024)] | None = Field(
        None, description="Who took the sign-off back afterwards: the environment is not passed while it is set."
    )
    running_since: Time | None = Field(None, description="Set while the release runs there verified without a break.")
    longest_soak: Duration = Field("0s", description="Its longest uninterrupted verified stay.")
    promotion_uid: Uid = Field("", alias="promotionUID", description="UID of the Promotion that brought it.")
    images: Annotated[tuple[Image, ...], Field(max_length=256)] = Field((), description="The images that ran there.")
    beside: Annotated[tuple[Beside, ...], Field(max_length=64)] = Field(
        (), description="What ran there of other applications when it was verified, the latest last."
    )

    @property
    def signed(self) -> bool:
        """Signed off, and nobody took that back."""
        return self.signed_off_at is not None and self.withdrawn is None


class Boarded(Schema):
    """The train it is on by one calendar. Once written, a changed calendar does not move it."""

    calendar: ObjectName = Field(description="The ReleaseCalendar, namespace/name.")
    name: ObjectName = Field(description="The train.")
    cut_off: Time = Field(description="The train's cut-off.")
    candidate: Time = Field(description="Tier UAT from then on.")
    production: Time = Field(description="Tier Production from then on.")
    production_until: Time = Field(description="Until then; afterwards the next train.")
    missed: Annotated[tuple[ObjectName, ...], Field(max_length=16)] = Field(
        (), description="Trains that left without it."
    )


class BackMerge(Schema):
    """A hotfix that production has must come back into the line of development. Once written, dueBy does not move."""

    since: Time = Field(description="When production had it.")
    due_by: Time | None = Field(
        None, description="backMergeWithin later, by the calendar of that environment; absent without one."
    )
    calendar: ObjectName | None = Field(None, description="That ReleaseCalendar, namespace/name.")
    merged_by: ObjectName | None = Field(None, description="The first Scheduled release that contains it.")


class ReleaseStatus(Schema):
    """What the operator observed, and in evidence what people and pipelines attested."""

    model_config = ConfigDict(json_schema_extra={"default": {"evidence": []}})

    observed_generation: int = Field(0, description="The generation of the spec that status speaks of.")
    conditions: Conditions = ()
    digest: Digest | None = Field(
        None, description="Identity of the release: over components (name, chart, values) and environments."
    )
    components: Annotated[tuple[ResolvedComponent, ...], Field(max_length=16)] = ()
    evidence: Annotated[tuple[EvidenceWord, ...], Field(max_length=MOST_WORDS, json_schema_extra={"default": []})] = ()
    environments: Annotated[
        tuple[Passage, ...],
        Field(
            max_length=32,
            json_schema_extra=keyed("name"),
        ),
    ] = ()
    passed: Annotated[str, Field(max_length=2048)] | None = Field(
        None, description="The environments that it passed, on one line for the printer column."
    )
    trains: Annotated[tuple[Boarded, ...], Field(max_length=8, json_schema_extra=keyed("calendar"))] = Field(
        (), description="The train it is on, by each calendar that the stack's environments follow."
    )
    train: Annotated[str, Field(max_length=512)] | None = Field(
        None, description="The same on one line for the printer column."
    )
    back_merge: BackMerge | None = Field(None, description="Hotfix: set once production had it.")
    in_use: bool = Field(False, description="True while a promotion of it is unfinished or it runs somewhere.")


class Release(Schema):
    """An immutable, versioned set of Helm charts by digest, with configuration and evidence."""

    api_version: Literal["lockflight.dev/v1alpha1"] = API_VERSION  # type: ignore[assignment]
    kind: Literal["Release"] = "Release"
    metadata: Meta
    spec: ReleaseSpec
    status: ReleaseStatus = ReleaseStatus()
