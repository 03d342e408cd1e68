"""Environment: one chamber of the lock: where it deploys, what must be true to enter and to leave."""

from enum import StrEnum
from typing import Annotated, Any, Literal, Self

from pydantic import Field

from lockflight.api.access import Access, Held
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
    RoleCount,
    Schema,
    Tier,
    Time,
    Timeout,
    Uid,
    Values,
    keyed,
    rules,
)
from lockflight.api.conditions import Conditions
from lockflight.api.data import DataRules
from lockflight.api.drift import DriftRows, DriftRules
from lockflight.api.emergency import EmergencyControl
from lockflight.api.governance import Governance, RuleStatus
from lockflight.api.trust import Trust


class Require(StrEnum):
    """How many upstream environments a release must have passed."""

    ALL = "All"
    ANY = "Any"


class ImagePolicy(StrEnum):
    """How exactly an image reference must name its bytes, strictest first."""

    DIGEST = "Digest"
    VERSIONED = "Versioned"
    ANY = "Any"


class OnFailure(StrEnum):
    """What follows when a component or a verification fails."""

    ROLLBACK = "Rollback"
    HOLD = "Hold"


class Independence(StrEnum):
    """What keeps those who put something forward from approving it."""

    FUNCTION = "Function"
    PERSON = "Person"


class Target(Schema):
    """Where the environment deploys."""

    namespace: Annotated[
        str,
        Field(
            pattern=r"^(\{application\}|[a-z0-9])(-*(\{application\}|[a-z0-9]))*$",
            min_length=1,
            max_length=63,
            description="{application} is the only placeholder. Default: {application}-{environment}.",
        ),
    ]


class Images(Schema):
    """Rules for the images that the rendered manifests name."""

    require: ImagePolicy | None = Field(None, description="How exactly images must be named. Default by tier.")
    local: Annotated[
        tuple[Image, ...],
        Field(max_length=32, description="Images that this environment may add, such as sidecars."),
    ] = ()


class Entry(Schema):
    """What must be true to enter."""

    branches: (
        Annotated[tuple[Annotated[str, Field(min_length=1, max_length=256)], ...], Field(max_length=16)] | None
    ) = Field(None, description="Branches a release must be merged to; empty: any.")
    tagged_only: bool | None = Field(None, description="Only builds with a semver tag equal to the version.")
    evidence: Annotated[tuple[Label, ...], Field(max_length=16, json_schema_extra=SET)] | None = Field(
        None, description="Evidence types that the release must bring, each with the result Passed."
    )
    waivable: Annotated[tuple[Label, ...], Field(max_length=16, json_schema_extra=SET)] | None = Field(
        None,
        description="Of these, what a person may waive: NotApplicable with a reason, by a holder of waive. Default by "
        "tier.",
    )
    signed: Annotated[tuple[Label, ...], Field(max_length=16, json_schema_extra=SET)] | None = Field(
        None, description="Evidence types that the release must bring signed by somebody whom trust names."
    )
    trust: Trust | None = Field(None, description="Whose signatures on evidence count here.")
    images: Images | None = None
    require_window: bool | None = Field(
        None,
        description="true: closed unless a change window or the change's own schedule is open. Default: only what has "
        "a schedule, or a window that lists its type, is held to it.",
    )


class NormalChange(Schema):
    """What a normal change needs here."""

    approvals: Annotated[tuple[RoleCount, ...], Field(min_length=1, max_length=8, json_schema_extra=keyed("role"))]
    high_risk: Annotated[tuple[RoleCount, ...], Field(max_length=8, json_schema_extra=keyed("role"))] = Field(
        (), description="Needed as well where the risk is High: of each role the larger count holds."
    )
    valid_for: Timeout | None = Field(
        None, description="How long an approval holds where the change has no schedule. Default 168h."
    )


class StandardControl(Schema):
    """What pre-approved patterns of change need here."""

    catalogue: Annotated[
        tuple[RoleCount, ...],
        Field(
            min_length=1,
            max_length=8,
            json_schema_extra=keyed("role"),
            description="Who must have approved a StandardChange before it counts here.",
        ),
    ]
    suspend_after_failures: Annotated[int, Field(ge=1, le=10)] | None = Field(
        None, description="After so many failed uses it is suspended until edited and approved again. Default 1."
    )


class ChangeControl(Schema):
    """Which changes are accepted here, and who approves them."""

    standard: StandardControl | None = Field(None, description="Absent: no standard changes here.")
    normal: NormalChange | None = None
    emergency: EmergencyControl | None = Field(None, description="Absent: no emergency changes here.")
    draft: bool | None = Field(
        None, description="true: where no change names a release that may come here, the operator drafts one."
    )
    attempts: Annotated[int, Field(ge=1, le=10)] | None = Field(
        None, description="How many promotions may run under one approval. Default 2."
    )
    relays: Annotated[tuple[ObjectName, ...], Field(max_length=8, json_schema_extra=SET)] = Field(
        (),
        description="Service accounts through which a system of record approves for people, such as "
        "system:serviceaccount:itsm:servicenow.",
    )
    independence: Independence | None = Field(
        None,
        description="Person: nobody approves what he created, edited or requested. Function: besides, whoever may "
        "create Releases or Promotions in the stack does not approve there. Default Person.",
    )


Attempts = Annotated[
    int,
    Field(
        ge=1, le=5, description="How often it is run before it has failed: where it is known to be flaky. Default 1."
    ),
]


class HelmTest(Schema):
    """Run ``helm test`` on every component."""

    timeout: Timeout = "5m"
    attempts: Attempts = 1


class JobTemplate(Schema):
    """A Job template (batch/v1 JobTemplateSpec)."""

    spec: Annotated[
        dict[str, Any],
        Field(
            description="A batch/v1 JobSpec.",
            json_schema_extra={
                "properties": {
                    "template": {
                        "type": "object",
                        "description": "The pod.",
                        "x-kubernetes-preserve-unknown-fields": True,
                    }
                },
                "required": ["template"],
                "x-kubernetes-preserve-unknown-fields": True,
            },
        ),
    ]


class JobVerification(Schema):
    """Run a Job in the target namespace as the deployer."""

    timeout: Timeout = "30m"
    attempts: Attempts = 1
    template: JobTemplate


class ExternalVerification(Schema):
    """Somebody else checks, and says on the Promotion how it went; the target is free meanwhile."""

    role: Label = Field(
        description="Who says how it went: holders of attest on evidencetypes/<role>, people or service accounts."
    )
    timeout: Timeout = Field("72h", description="How long they may take once everything else has passed. Default 72h.")


class Verification(Schema):
    """One check that must succeed after a deployment: exactly one of helmTest, job and external."""

    model_config = rules(
        Cel(
            "[has(self.helmTest), has(self.job), has(self.external)].filter(x, x).size() == 1",
            "a verification is a helmTest, a job or external: give exactly one of them",
        )
    )

    name: Label = Field(description="Its name in messages and in the Promotion's status.")
    helm_test: HelmTest | None = None
    job: JobVerification | None = None
    external: ExternalVerification | None = None


class Exit(Schema):
    """What must be true to leave: the environment's outputs."""

    verification: Annotated[
        tuple[Verification, ...],
        Field(
            max_length=16,
            json_schema_extra=keyed("name"),
        ),
    ] = ()
    sign_offs: Annotated[tuple[RoleCount, ...], Field(max_length=8, json_schema_extra=keyed("role"))] = ()


class ApplicationValues(Schema):
    """Platform configuration for one application, and whether it is held here."""

    model_config = rules(Cel("has(self.values) || has(self.hold)", "give values, a hold, or both"))

    values: Values | None = Field(None, description="Helm values: over the environment's values.")
    hold: Reason | None = Field(None, description="Nothing of this application moves here until it is taken out.")


class ValuesSource(Schema):
    """A key of a ConfigMap or Secret in the stack's namespace that holds Helm values as YAML."""

    kind: Literal["ConfigMap", "Secret"] = Field(description="ConfigMap or Secret.")
    name: Name = Field(description="Its name, in the stack's namespace.")
    key: Annotated[str, Field(pattern=r"^[-._a-zA-Z0-9]+$", max_length=253)] = Field(
        "values.yaml", description="The key that holds the YAML. Default values.yaml."
    )


class EnvironmentSpec(Schema):
    """What a platform team declares. What is left out comes from the tier's baseline."""

    model_config = rules(
        Cel("self.tier == oldSelf.tier", "tier is fixed: create another Environment", "tier"),
        Cel(
            "!has(self.require) || (has(self.promotesFrom) && size(self.promotesFrom) > 0)",
            "require speaks of promotesFrom: name the upstream environments too",
            "require",
        ),
        Cel(
            "!has(self.soak) || !has(self.promotesFrom) || size(self.promotesFrom) > 0",
            "soak is a stay in the environment before: an entry (promotesFrom: []) has none, leave soak out",
            "soak",
        ),
        Cel(
            "!(self.tier in ['UAT', 'Production']) || !has(self.entry) || !has(self.entry.images) || "
            "!has(self.entry.images.require) || self.entry.images.require == 'Digest'",
            "tiers UAT and Production name images by digest: entry.images.require is Digest there, leave it out",
            "entry.images.require",
        ),
        Cel(
            "!has(self.governance) || self.tier in ['UAT', 'Production']",
            "governance is for tiers UAT and Production: leave it out",
            "governance",
        ),
        Cel(
            "self.tier == 'Production' || !has(self.data) || !('Production' in self.data.allowed)",
            "only tier Production holds production data: allowed here are Synthetic and Anonymised",
            "data.allowed",
        ),
        Cel(
            f"!has(self.applications) || self.applications.all(a, size(a) <= 40 && a.matches('{LABEL}'))",
            "the keys of applications are names: a-z, 0-9 and -, at most 40 characters",
            "applications",
        ),
    )

    tier: Tier
    promotes_from: Annotated[tuple[Label, ...], Field(max_length=8, json_schema_extra=SET)] | None = Field(
        None, description="Upstream environments. Default: the stack's environments of the next lower tier; [] = entry."
    )
    require: Require | None = Field(None, description="All or Any of promotesFrom. Default All.")
    soak: Duration | None = Field(
        None, description="Shortest uninterrupted stay, verified, in the upstream environment."
    )
    target: Target | None = None
    entry: Entry | None = None
    calendar_ref: Ref | None = Field(
        None,
        description="The ReleaseCalendar of this stack, else of the operator's namespace, whose trains bind tiers UAT "
        "and Production, and whose lead times bind changes.",
    )
    change_control: ChangeControl | None = None
    exit: Exit | None = None
    values: Values | None = Field(
        None, description="Platform configuration for every application: over the Release's own values."
    )
    applications: Annotated[dict[str, ApplicationValues], Field(max_length=64)] | None = None
    values_from: Annotated[tuple[ValuesSource, ...], Field(max_length=16)] = ()
    data: DataRules | None = None
    drift: DriftRules | None = Field(None, description="How what runs is compared with what was last promoted.")
    access: Annotated[tuple[Access, ...], Field(max_length=16)] | None = Field(
        None, description="Who may do what in the target namespaces. With the baseline's."
    )
    on_failure: OnFailure | None = Field(None, description="Default Rollback; the change's rollback plan wins over it.")
    governance: Governance | None = Field(
        None,
        description="Whose approvals its rules need before they count. The baseline of the tier asks for it; an "
        "environment of a stack may ask for more.",
    )
    auto_promote: bool | None = Field(
        None, description="Promote by itself what the upstream passed. Default true below UAT."
    )
    hold: Reason | None = Field(
        None, description="Nothing moves here, not even by itself or back, until it is taken out."
    )
    retired: bool | None = Field(
        None, description="true: nothing enters any more; what runs here stays until it is removed."
    )
    timeout: Timeout | None = Field(None, description="Longest time for one Helm action. Default 10m.")


class Item(Schema):
    """One input or output of an environment, and who gives it."""

    name: Annotated[str, Field(max_length=256)] = Field(description="What is needed or given.")
    given_by: Annotated[str, Field(max_length=256)] = Field(description="Who or what gives it.")
    gate: Annotated[str, Field(max_length=32)] | None = Field(None, description="Of an input: the gate that asks.")
    right: Annotated[str, Field(max_length=256)] | None = Field(
        None, description="Where people give it: the right that this takes, such as sign-off on approvalroles/qa."
    )


class TargetStatus(Schema):
    """What runs in one target: (this environment, an application)."""

    application: ObjectName = Field(description="The application.")
    namespace: ObjectName = Field(description="Where it runs.")
    release: ObjectName = Field(description="The Release that runs.")
    version: ObjectName = Field(description="Its version.")
    digest: Digest = Field(description="Its release digest.")
    plan_digest: Digest = Field(description="The plan that was applied.")
    promotion_uid: Uid = Field(alias="promotionUID", description="UID of the Promotion that brought it.")
    promotion: ObjectName = Field(description="Name of the Promotion that brought it.")
    state: Annotated[str, Field(max_length=32, description="The phase of the promotion that put it there.")]
    deployed_at: Time = Field(description="When Helm had applied it.")
    verified_at: Time | None = Field(None, description="When its verification had passed.")


class EnvironmentStatus(RuleStatus):
    """What the operator observed, and what people decided about its rules."""

    observed_generation: int = Field(0, description="The generation of the spec that status speaks of.")
    conditions: Conditions = ()
    inputs: Annotated[tuple[Item, ...], Field(max_length=64)] = ()
    outputs: Annotated[tuple[Item, ...], Field(max_length=64)] = ()
    targets: Annotated[
        tuple[TargetStatus, ...],
        Field(
            max_length=256,
            json_schema_extra=keyed("application"),
        ),
    ] = ()
    drift: DriftRows = Field((), description="Targets that are not as they were last promoted.")
    access: Annotated[tuple[Held, ...], Field(max_length=256)] = Field(
        (), description="Who has access to the target namespaces, as RBAC really says; the cluster's own left out."
    )
    running: Annotated[str, Field(max_length=65536)] | None = Field(
        None, description="The releases in targets, on one line for the printer column."
    )


class Environment(Schema):
    """One chamber: where it deploys, what it takes to enter and leave. In the root namespace: its tier's baseline."""

    model_config = rules(
        Cel(
            f"size(self.metadata.name) <= 40 && self.metadata.name.matches('{LABEL}')",
            "metadata.name is what other objects call an Environment by: a-z, 0-9 and -, at most 40 characters",
        ),
        Cel(
            "!has(self.spec.promotesFrom) || !(self.metadata.name in self.spec.promotesFrom)",
            "promotesFrom names the environment itself: name those that come before it, or [] for an entry",
            "spec.promotesFrom",
        ),
    )

    api_version: Literal["lockflight.dev/v1alpha1"] = API_VERSION  # type: ignore[assignment]
    kind: Literal["Environment"] = "Environment"
    metadata: Meta
    spec: EnvironmentSpec
    status: EnvironmentStatus = EnvironmentStatus()

    def target_namespace(self: Self, application: str) -> str:
        """The namespace in which this environment runs ``application``."""
        pattern = self.spec.target.namespace if self.spec.target else "{application}-" + self.metadata.name
        return pattern.replace("{application}", application)
