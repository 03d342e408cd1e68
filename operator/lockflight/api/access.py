"""Who may do what in the target namespaces of an environment."""

from enum import StrEnum
from typing import Annotated, Final, Literal

from pydantic import Field

from lockflight.api.common import GROUP, Cel, Label, ObjectName, Schema, rules, validations


class AccessLevel(StrEnum):
    """How much somebody may do in a namespace, least first. Each includes those before."""

    VIEW = "View"
    OPERATE = "Operate"
    EDIT = "Edit"
    ADMIN = "Admin"

    @property
    def rank(self) -> int:
        """1 for View up to 4 for Admin."""
        return list(AccessLevel).index(self) + 1


LADDER_ROLES: Final = ("lockflight-access-view", "lockflight-access-operate", "lockflight-access-edit")
"""The ClusterRoles that are bound for View, Operate and Edit."""

ACCESS_LABEL: Final = f"{GROUP}/access"
"""On a RoleBinding that Lockflight made: standing, or boxed for a time."""
ACCESS_UNTIL_ANNOTATION: Final = f"{GROUP}/access-until"
"""On one for a time: until when, RFC 3339 in UTC."""

Given = Literal["View", "Operate", "Edit"]
"""The levels that Lockflight gives."""


class AccessSubject(Schema):
    """A group, a user or a service account."""

    model_config = rules(
        Cel(
            # A reserved word: older servers know it escaped only.
            "has(self.__namespace__) == (self.kind == 'ServiceAccount')",
            "a service account has a namespace, a group or a user has none",
            "namespace",
        ),
        Cel(
            "!self.name.startsWith('system:') && !self.name.startsWith('lockflight:')",
            "names that begin with system: or lockflight: are everybody's, or nobody's: name a group of your own",
            "name",
        ),
    )

    kind: Literal["Group", "User", "ServiceAccount"] = Field(description="Group, User or ServiceAccount.")
    name: Annotated[str, Field(pattern=r"\S", max_length=253)] = Field(description="Its name, as RBAC knows it.")
    namespace: Annotated[str, Field(min_length=1, max_length=63)] | None = Field(
        None, description="Of a service account."
    )


class Access(Schema):
    """A level, and who has it in the target namespaces."""

    model_config = rules(
        Cel(
            "!has(self.purpose) || self.subjects.all(s, s.kind != 'User')",
            "purpose Operations is for groups and service accounts, not for single users",
            "subjects",
        )
    )

    level: Given = Field(description="View, Operate or Edit: see the tiers.")
    subjects: Annotated[tuple[AccessSubject, ...], Field(min_length=1, max_length=32)] = Field(
        description="Who has it."
    )
    purpose: Literal["Operations"] | None = Field(
        None,
        description="Operations: those who keep it running. The ladder does not bind them; they create no Releases.",
    )


class BoxedAccess(Schema):
    """A level for a time, because of an emergency."""

    environment: Label = Field(description="In the target namespaces of that environment.")
    level: Given = Field(description="View, Operate or Edit.")
    subjects: Annotated[tuple[AccessSubject, ...], Field(min_length=1, max_length=16)] = Field(
        description="Who has it; users who approved the change have not."
    )
    duration: Annotated[
        str,
        Field(
            pattern=r"^([0-9]{1,5}[hms])+$",
            max_length=24,
            json_schema_extra=validations(
                Cel(
                    "duration(self) > duration('0s') && duration(self) <= duration('24h')",
                    "access for a time lasts 24h at most, and more than nothing, in h, m and s",
                )
            ),
        ),
    ] = Field(description="How long from the approval on, at most 24h. It ends with the change or its schedule, too.")


class Held(Schema):
    """What somebody may do in a target namespace, and by which binding."""

    namespace: ObjectName = Field(description="The target namespace.")
    subject: ObjectName = Field(description="Who, such as Group developers.")
    level: AccessLevel = Field(description="View, Operate, Edit or Admin, as the rights really there amount to.")
    via: Annotated[str, Field(max_length=520)] = Field(description="The binding that gives it.")
    foreign: bool = Field(False, description="true: neither the spec nor a change asked for it.")
