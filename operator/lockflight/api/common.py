"""What the kinds share: the base model, scalar types with their schema, metadata and references."""

import re
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Annotated, Any, NamedTuple

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer
from pydantic.alias_generators import to_camel
from pydantic.config import JsonDict

GROUP = "lockflight.dev"
VERSION = "v1alpha1"
API_VERSION = f"{GROUP}/{VERSION}"

STACK_LABEL = f"{GROUP}/stack"
ENVIRONMENT_LABEL = f"{GROUP}/environment"
TIER_LABEL = f"{GROUP}/tier"
CREATOR_ANNOTATION = f"{GROUP}/creator"
EDITORS_ANNOTATION = f"{GROUP}/editors"
CREATOR_GROUPS_ANNOTATION = f"{GROUP}/creator-groups"
INDEPENDENCE_LABEL = f"{GROUP}/independence"

PROBE = "lockflight:probe"
"""The virtual user that tries, as dry runs, what guarded namespaces must refuse."""

CANARY = "lockflight-canary"
"""A verb, and a resource, that nobody holds by name: whoever passes a check for it holds a wildcard."""

GUARD_LABEL = f"{GROUP}/guard"
"""On a Namespace: Audit only reports what its guard would refuse, whatever its tier."""
GUARD_WRITERS_ANNOTATION = f"{GROUP}/guard-writers"
"""On a guarded Namespace: who else may write what there, a line each; see docs/guard.md."""
BREAK_GLASS_ANNOTATION = f"{GROUP}/break-glass"
"""On an object: who wrote it while the glass was broken. On a Namespace: who broke it."""
BREAK_GLASS_UNTIL_ANNOTATION = f"{GROUP}/break-glass-until"
"""On a Namespace: until when the break-glass group may write there, RFC 3339 in UTC."""
BREAK_GLASS_REASON_ANNOTATION = f"{GROUP}/break-glass-reason"
"""On a Namespace: why the glass was broken."""

LABEL = "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"
"""A DNS label, as a pattern."""

_UNITS = {"w": 604800, "d": 86400, "h": 3600, "m": 60, "s": 1}
_DURATION = r"^([0-9]{1,4}[wd]|[0-9]{1,6}[hms])+$"
_INSTANT = (
    r"^[12][0-9]{3}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?(Z|[+-](0[0-9]|1[0-4]):[0-5][0-9])$"
)


class Schema(BaseModel):
    """Base of every model that is part of a CRD: frozen, camelCase outside, snake_case inside, no unknown fields."""

    model_config = ConfigDict(frozen=True, populate_by_name=True, alias_generator=to_camel, extra="forbid")

    def dump(self) -> dict[str, Any]:
        """The object as the API server holds it: JSON types, camelCase, absent instead of null."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)


class Cel(NamedTuple):
    """A rule of the API server: what must hold, what a person refused is told, and the field that is to blame."""

    rule: str
    message: str
    field: str | None = None

    def schema(self) -> JsonDict:
        """The rule as an entry of x-kubernetes-validations."""
        entry: JsonDict = {"rule": self.rule, "message": self.message}
        return entry | {"fieldPath": f".{self.field}"} if self.field else entry


def validations(*rules: Cel) -> JsonDict:
    """CEL rules as a part of a schema."""
    return {"x-kubernetes-validations": [rule.schema() for rule in rules]}


def rules(*cel: Cel) -> ConfigDict:
    """The ``model_config`` of a model that carries CEL rules."""
    return ConfigDict(json_schema_extra=validations(*cel))


def keyed(by: str) -> JsonDict:
    """A list whose entries are told apart by the field ``by``: the API server refuses duplicates."""
    return {"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": [by]}


SET: JsonDict = {"x-kubernetes-list-type": "set"}
"""A list without duplicates."""


def fixed(field: str, message: str) -> Cel:
    """The rule that an optional field neither appears, nor changes, nor goes."""
    same = f"has(self.{field}) == has(oldSelf.{field}) && (!has(self.{field}) || self.{field} == oldSelf.{field})"
    return Cel(same, message, field)


def parse_duration(text: str) -> timedelta:
    """Elapsed time from text such as ``90s``, ``24h`` or ``2w3d``. Raises ValueError naming what is allowed."""
    if not re.fullmatch(_DURATION, text):
        msg = f"{text!r} is no duration: write numbers with w, d, h, m or s, such as 24h or 2w"
        raise ValueError(msg)
    return timedelta(seconds=sum(int(n) * _UNITS[unit] for n, unit in re.findall(r"([0-9]+)([wdhms])", text)))


def format_duration(value: timedelta) -> str:
    """The shortest text that ``parse_duration`` reads back to the same whole seconds; never negative."""
    seconds = max(0, int(value.total_seconds()))
    parts: list[str] = []
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60), ("s", 1)):
        count, seconds = divmod(seconds, size)
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts) or "0s"


def _aware(value: object) -> object:
    if isinstance(value, str) and not re.search(r"(Z|[+-][0-9]{2}:[0-9]{2})$", value):
        msg = f"{value!r} has no offset: write RFC 3339 such as 2026-12-01T09:00:00+01:00"
        raise ValueError(msg)
    return value


def _timestamp(value: datetime) -> str:
    return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


Time = Annotated[
    datetime,
    BeforeValidator(_aware),
    PlainSerializer(_timestamp, return_type=str),
    Field(json_schema_extra={"pattern": _INSTANT}),
]
"""An instant, RFC 3339 with an offset; written in UTC with whole seconds."""

Duration = Annotated[
    str, Field(pattern=_DURATION, max_length=24, description="Elapsed time: numbers with w, d, h, m or s, such as 24h.")
]
"""Elapsed time: whole numbers with the units w, d, h, m, s."""

Timeout = Annotated[
    str,
    Field(
        pattern=_DURATION,
        max_length=24,
        description="The longest it may take, such as 10m.",
        json_schema_extra=validations(
            Cel("self.matches('[1-9]')", "must be longer than 0s: write a duration such as 10m")
        ),
    ),
]
"""A duration that is longer than nothing."""

Digest = Annotated[str, Field(pattern=r"^sha256:[0-9a-f]{64}$", max_length=71)]
"""An OCI digest: ``sha256:`` and 64 lower-case hexadecimal digits."""

Name = Annotated[str, Field(pattern=r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$", min_length=1, max_length=253)]
"""The name of an object (DNS subdomain)."""

ObjectName = Annotated[str, Field(max_length=253)]
"""The name of an object or user as the operator or the API server wrote it down; they know what names are."""

Comment = Annotated[str, Field(max_length=1024)]
"""A free text that may be empty."""

Uid = Annotated[str, Field(max_length=64)]
"""The UID of an object."""

Image = Annotated[str, Field(min_length=1, max_length=512)]
"""An image reference as a manifest names it."""

Label = Annotated[str, Field(pattern=LABEL, min_length=1, max_length=40)]
"""A DNS label of at most 40 characters: applications, components, environments, roles, evidence types."""

Text = Annotated[str, Field(pattern=r"\S", max_length=1024)]
"""A sentence or two for people."""

Semver = Annotated[
    str,
    Field(
        pattern=r"^(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)(-[0-9A-Za-z-]+(\.[0-9A-Za-z-]+)*)?(\+[0-9A-Za-z-]+(\.[0-9A-Za-z-]+)*)?$",
        max_length=63,
    ),
]
"""A version by Semantic Versioning 2.0.0."""

Values = Annotated[dict[str, Any], Field(json_schema_extra={"x-kubernetes-preserve-unknown-fields": True})]
"""Helm values: any JSON object."""


class Tier(StrEnum):
    """The five chambers of the reference model, in their order."""

    LOCAL = "Local"
    INTEGRATION = "Integration"
    SYSTEM_TEST = "SystemTest"
    UAT = "UAT"
    PRODUCTION = "Production"

    @property
    def rank(self) -> int:
        """0 for Local up to 4 for Production."""
        return list(Tier).index(self)


class ChangeType(StrEnum):
    """ITIL's change types."""

    STANDARD = "Standard"
    NORMAL = "Normal"
    EMERGENCY = "Emergency"


class RiskLevel(StrEnum):
    """How much may go wrong, lowest first."""

    LOW = "Low"
    MEDIUM = "Medium"
    HIGH = "High"

    @property
    def rank(self) -> int:
        """0 for Low up to 2 for High."""
        return list(RiskLevel).index(self)


class Ref(Schema):
    """A reference by name to an object in the same namespace."""

    name: Name = Field(description="Its name, in the same namespace.")


class RoleCount(Schema):
    """How many distinct people of a role are needed."""

    role: Label = Field(description="The role, as it stands in RBAC (approvalroles).")
    count: Annotated[int, Field(ge=1, le=10)] = Field(1, description="How many different people. Default 1.")


class Reason(Schema):
    """Why a person did something."""

    reason: Text = Field(description="A sentence for people.")


class Meta(BaseModel):
    """The part of an object's metadata that Lockflight reads."""

    model_config = ConfigDict(frozen=True, populate_by_name=True, alias_generator=to_camel, extra="ignore")

    name: str
    namespace: str
    uid: str = ""
    generation: int = 1
    resource_version: str = ""
    creation_timestamp: datetime | None = None
    deletion_timestamp: datetime | None = None
    labels: dict[str, str] = Field(default_factory=dict)
    annotations: dict[str, str] = Field(default_factory=dict)

    @property
    def creator(self) -> str | None:
        """The authenticated user who created the object, as the API server stamped it; None where nothing stamps."""
        return self.annotations.get(CREATOR_ANNOTATION)

    @property
    def creator_groups(self) -> tuple[str, ...]:
        """The creator's groups then, as stamped on delegations; one a line."""
        return tuple(filter(None, self.annotations.get(CREATOR_GROUPS_ANNOTATION, "").split("\n")))

    @property
    def editors(self) -> frozenset[str]:
        """Everyone who changed the spec since, as stamped; one user a line."""
        return frozenset(filter(None, self.annotations.get(EDITORS_ANNOTATION, "").split("\n")))
