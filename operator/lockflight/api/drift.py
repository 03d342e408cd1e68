"""Drift: how an Environment looks after what runs in its targets, and what it found there."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from lockflight.api.common import SET, Cel, Digest, Duration, ObjectName, Schema, Time, Uid, keyed, validations


class DriftMode(StrEnum):
    """What is done about drift, loosest first."""

    OFF = "Off"
    DETECT = "Detect"
    CORRECT = "Correct"


class DriftState(StrEnum):
    """How a target compares with what was last promoted."""

    UNCHANGED = "Unchanged"
    DRIFTED = "Drifted"
    UNKNOWN = "Unknown"


Pointer = Annotated[
    str,
    Field(
        pattern=r"^(/([^~/]|~[01])+){2,}$",
        max_length=256,
        json_schema_extra=validations(
            Cel(
                "!self.endsWith('/*')",
                "a pointer that ends in /* would leave out whole branches: name the field",
            )
        ),
    ),
]
"""A JSON pointer (RFC 6901) of at least two segments; ``*`` stands for any one segment, ``~0`` for ~, ``~1`` for /."""


class DriftRules(Schema):
    """How what runs is compared with what was last promoted."""

    mode: DriftMode | None = Field(
        None,
        description="Off: not compared. Detect: shown, and no release comes in until it is settled. Correct: put back "
        "as well. Default Detect in tier Production, else Off.",
    )
    interval: Duration | None = Field(
        None,
        description="How often it is compared, and put back at most. Default 5m.",
        json_schema_extra=validations(
            Cel(
                "self.matches('^([0-9]+[hms])+$') && duration(self) >= duration('1m') && "
                "duration(self) <= duration('24h')",
                "interval is between 1m and 24h, in h, m and s",
            )
        ),
    )
    ignore: Annotated[tuple[Pointer, ...], Field(max_length=32, json_schema_extra=SET)] | None = Field(
        None,
        description="Fields that others may set, in any object, as JSON pointers such as /spec/replicas, with all "
        "below; * stands for any one segment, ~0 for ~ and ~1 for /.",
    )


class DriftField(Schema):
    """A field that is not as it was promoted."""

    path: Annotated[str, Field(max_length=512)] = Field(
        description="Where it stands: a JSON pointer; empty: the object."
    )
    what: Annotated[str, Field(max_length=256)] = Field(
        description="How it differs; of values only numbers, truth values and images are told."
    )
    manager: Annotated[str, Field(max_length=128)] | None = Field(
        None, description="The field manager that wrote it last, where the object says so."
    )


class DriftObject(Schema):
    """An object that is not as it was promoted."""

    kind: Annotated[str, Field(max_length=63)] = Field(description="Its kind.")
    name: ObjectName = Field(description="Its name.")
    fields: Annotated[tuple[DriftField, ...], Field(max_length=8)] = Field((), description="Its fields, the first 8.")


class PutBack(Schema):
    """What was done to put it back."""

    tries: Annotated[int, Field(ge=0)] = Field(description="How often it was put back since it last stayed so.")
    promotion_uid: Uid = Field(alias="promotionUID", description="UID of the Promotion whose state was put back.")
    last_at: Time = Field(description="When the last time began.")
    message: Annotated[str, Field(max_length=1024)] = Field("", description="How that went, or what keeps it.")


class DriftStatus(Schema):
    """What was found in one target; a target without a row is as it was promoted."""

    application: ObjectName = Field(description="The application.")
    namespace: ObjectName = Field(description="Where it runs.")
    state: DriftState
    digest: Digest | None = Field(None, description="The whole drift, as one digest: what a change takes over.")
    since: Time = Field(description="When it was first seen so.")
    revisions: Annotated[str, Field(max_length=1024)] = Field(
        "", description="The Helm revisions that it was compared with."
    )
    objects: Annotated[tuple[DriftObject, ...], Field(max_length=8)] = Field((), description="The first 8 objects.")
    count: Annotated[int, Field(ge=0)] = Field(0, description="How many fields differ.")
    message: Annotated[str, Field(max_length=1024)] = Field("", description="Why it could not be compared.")
    put_back: PutBack | None = None


DriftRows = Annotated[tuple[DriftStatus, ...], Field(max_length=64, json_schema_extra=keyed("application"))]


class PutBackAsked(Schema):
    """Asks to put back what was found."""

    drift: Digest = Field(
        description="The digest of the drift that was looked at, from status.drift of the Environment."
    )


class TakenOver(Schema):
    """Drift that a change knows of and takes over: what it brings is applied over it."""

    environment: ObjectName = Field(description="The environment that drifted.")
    drift: Digest = Field(description="The digest of the drift, from status.drift of the Environment.")
