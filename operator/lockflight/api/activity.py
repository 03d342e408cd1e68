"""Activity: what a change does to its environments where it brings no release."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from lockflight.api.common import SET, Label, Schema, Timeout


class ActivityKind(StrEnum):
    """What kind of work it is."""

    DR_EXERCISE = "DRExercise"
    DATA_REFRESH = "DataRefresh"
    INFRASTRUCTURE = "Infrastructure"
    MAINTENANCE = "Maintenance"
    OTHER = "Other"


class Activity(Schema):
    """Work that is no release. People or a pipeline do it, while the change's condition Authorized is true."""

    kind: ActivityKind
    description: Annotated[str, Field(pattern=r"\S", max_length=4096)] = Field(
        description="What exactly is done: the board approves this text."
    )
    duration: Timeout = Field(description="How long it takes, once begun; it does not begin this long before a freeze.")
    applications: Annotated[tuple[Label, ...], Field(max_length=16, json_schema_extra=SET)] = Field(
        (), description="The applications that it touches; empty: all that run in the environments."
    )
