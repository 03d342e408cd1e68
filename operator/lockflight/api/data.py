"""Classes of data: what a release brings, and what an environment allows."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from lockflight.api.common import GROUP, SET, Label, Schema

DATA_CLASS_LABEL = f"{GROUP}/data-class"
"""On PVCs, Secrets, ConfigMaps: the class of the data in it. On a target Namespace: the most sensitive one there."""


class DataClass(StrEnum):
    """Where data comes from, least sensitive first."""

    SYNTHETIC = "Synthetic"
    ANONYMISED = "Anonymised"
    PRODUCTION = "Production"

    @property
    def rank(self) -> int:
        """0 for Synthetic up to 2 for Production."""
        return list(DataClass).index(self)


class DataSet(Schema):
    """Data that a component brings along, wherever it goes."""

    name: Label = Field(
        description="What it is called; an object of that name, or whose name ends with it, carries its class."
    )
    class_: DataClass = Field(alias="class", description="Synthetic, Anonymised or Production.")


class DataRules(Schema):
    """Which data may be here."""

    allowed: Annotated[tuple[DataClass, ...], Field(min_length=1, max_length=3, json_schema_extra=SET)] = Field(
        description="The classes. Default: Synthetic and Anonymised; in tier Production all of them."
    )
