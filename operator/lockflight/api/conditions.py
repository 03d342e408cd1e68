"""Conditions after the Kubernetes API conventions: one a type, transition time moves only when the status flips."""

from collections.abc import Iterable
from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from lockflight.api.common import Schema, Time, keyed

Status = Literal["True", "False", "Unknown"]

MESSAGE_LIMIT = 4096


class Condition(Schema):
    """An observation of one aspect of an object (metav1.Condition)."""

    type: Annotated[str, Field(max_length=64)] = Field(description="What the condition is about, such as Ready.")
    status: Status = Field(description="Whether it holds.")
    observed_generation: int = Field(0, description="The generation of the spec that was looked at.")
    last_transition_time: Time = Field(description="When status last changed.")
    reason: Annotated[str, Field(pattern=r"^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$", max_length=128)] = Field(
        description="Why, in one word for programs."
    )
    message: Annotated[str, Field(max_length=MESSAGE_LIMIT)] = Field("", description="Why, in a sentence for people.")


Conditions = Annotated[
    tuple[Condition, ...],
    Field(
        max_length=16,
        json_schema_extra=keyed("type"),
    ),
]


def condition(
    kind: str,
    status: bool | None,
    reason: str,
    message: str,
    *,
    generation: int,
    now: datetime,
) -> Condition:
    """A condition of type ``kind``; ``status`` None means Unknown. An overlong message is cut."""
    text = message if len(message) <= MESSAGE_LIMIT else message[: MESSAGE_LIMIT - 1] + "…"
    value: Status = "Unknown" if status is None else "True" if status else "False"
    return Condition(
        type=kind, status=value, observed_generation=generation, last_transition_time=now, reason=reason, message=text
    )


def merge(old: Iterable[Condition], new: Iterable[Condition]) -> tuple[Condition, ...]:
    """``new`` over ``old``, sorted by type; an unchanged status keeps its transition time."""
    before = {c.type: c for c in old}
    result = dict(before)
    for c in new:
        known = before.get(c.type)
        kept = known is not None and known.status == c.status
        result[c.type] = (
            c.model_copy(update={"last_transition_time": known.last_transition_time}) if kept and known else c
        )
    return tuple(result[t] for t in sorted(result))


def find(conditions: Iterable[Condition], kind: str) -> Condition | None:
    """The condition of that type, if present."""
    return next((c for c in conditions if c.type == kind), None)
