"""From models to CRDs: what is said, what is left out, and what cannot be said."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
import yaml
from click.testing import CliRunner
from pydantic import BaseModel, Field

from lockflight.api.common import Cel, Duration, Schema, Time, Values, rules
from lockflight.api.kinds import CHANGE_REQUEST, KINDS, LIVING, PROMOTION, RELEASE, STANDARD_CHANGE, Kind
from lockflight.crdgen import crd, docs
from lockflight.crdgen.__main__ import main
from lockflight.crdgen.outputs import outputs
from lockflight.crdgen.schema import NotStructuralError, structural
from tests.documents import ROOT

Json = dict[str, Any]

Line = Annotated[str, Field(max_length=9)]


class Colour(StrEnum):
    """Red or green."""

    RED = "Red"
    GREEN = "Green"


class Inner(Schema):
    """What lies inside."""

    line: Line


def _property(annotation: Any, default: Any = ...) -> Json:
    """The schema of a field of that type."""
    model = type("Model", (Schema,), {"__annotations__": {"field": annotation}, "field": default})
    found: Json = structural(model)["properties"]["field"]
    return found


@pytest.mark.parametrize(
    ("annotation", "default", "expected"),
    [
        (Line, ..., {"type": "string", "maxLength": 9}),
        (Line | None, None, {"type": "string", "maxLength": 9}),
        (Line, "red", {"type": "string", "maxLength": 9}),
        (bool, False, {"type": "boolean"}),
        (Annotated[int, Field(ge=1, le=9)], 1, {"type": "integer", "format": "int64", "minimum": 1, "maximum": 9}),
        (Literal["One"], ..., {"type": "string", "enum": ["One"]}),
        (Literal["One", "Two"], ..., {"type": "string", "enum": ["One", "Two"]}),
        (Colour, ..., {"type": "string", "enum": ["Red", "Green"], "description": "Red or green."}),
        (
            Annotated[tuple[Line, ...], Field(min_length=1, max_length=2)],
            ...,
            {"type": "array", "items": {"type": "string", "maxLength": 9}, "minItems": 1, "maxItems": 2},
        ),
        (
            Annotated[dict[str, Line], Field(max_length=2)],
            ...,
            {"type": "object", "additionalProperties": {"type": "string", "maxLength": 9}, "maxProperties": 2},
        ),
        (Values, ..., {"type": "object", "x-kubernetes-preserve-unknown-fields": True}),
        (
            Inner,
            ...,
            {
                "type": "object",
                "description": "What lies inside.",
                "properties": {"line": {"type": "string", "maxLength": 9}},
                "required": ["line"],
            },
        ),
        (
            Annotated[tuple[Line, ...], Field(max_length=2, json_schema_extra={"default": []})],
            (),
            {"type": "array", "items": {"type": "string", "maxLength": 9}, "maxItems": 2, "default": []},
        ),
    ],
    ids=str,
)
def test_a_field_becomes_structural(annotation: Any, default: Any, expected: Json) -> None:
    assert _property(annotation, default) == expected


def test_an_instant_is_a_date_time_with_an_offset() -> None:
    assert _property(Time).items() >= {"type": "string", "format": "date-time"}.items()
    assert "pattern" in _property(Time)


def test_a_field_may_say_more_than_its_type() -> None:
    described = _property(Annotated[Inner, Field(description="The inner\n  one, ``literally``.")])
    assert described["description"] == "The inner one, `literally`."


def test_a_list_without_words_takes_those_of_its_entries() -> None:
    assert _property(Annotated[tuple[Inner, ...], Field(max_length=2)])["description"] == "What lies inside."


def test_a_field_called_title_is_no_title() -> None:
    class Book(Schema):
        title: Line

    assert structural(Book)["properties"] == {"title": {"type": "string", "maxLength": 9}}


def test_only_fields_without_default_are_required() -> None:
    class Model(Schema):
        given_name: Line
        nick_name: Line | None = None

    assert structural(Model)["required"] == ["givenName"]


def test_rules_stand_where_the_model_is_used() -> None:
    class Ruled(Schema):
        model_config = rules(Cel("self.a < self.b", "a must be less than b", "a"))

        a: int
        b: int

    expected = {"rule": "self.a < self.b", "message": "a must be less than b", "fieldPath": ".a"}
    assert _property(Ruled)["x-kubernetes-validations"] == [expected]


@pytest.mark.parametrize(
    ("annotation", "complaint"),
    [
        (str, "Model.field: give it an upper bound"),
        (tuple[Line, ...], "Model.field: give it an upper bound"),
        (dict[str, Line], "Model.field: give it an upper bound"),
        (Annotated[tuple[str, ...], Field(max_length=1)], r"Model.field\[\]: give it an upper bound"),
        (float, "Model.field: type 'number' is not for a CRD"),
        (Annotated[Line | int, Field()], "Model.field: a structural schema has no 'anyOf'"),
        (Annotated[tuple[Line, Line], Field()], "Model.field: a structural schema has no 'prefixItems'"),
    ],
    ids=str,
)
def test_what_cannot_be_said_is_named(annotation: Any, complaint: str) -> None:
    with pytest.raises(NotStructuralError, match=complaint):
        _property(annotation)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_the_same_model_gives_the_same_bytes(kind: Kind) -> None:
    text = crd.text(kind)
    assert text == crd.text(kind)
    assert text.startswith("# Generated by")
    assert yaml.safe_load(text) == crd.crd(kind)
    assert "&id" not in text


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_every_field_says_what_it_means(kind: Kind) -> None:
    schema = crd.crd(kind)["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]

    def silent(node: Json, path: str) -> list[str]:
        found = [] if node.get("description") else [path]
        for name, child in node.get("properties", {}).items():
            found += silent(child, f"{path}.{name}")
        entries = node.get("items") or node.get("additionalProperties") or {}
        for name, child in entries.get("properties", {}).items():
            found += silent(child, f"{path}[].{name}")
        return found

    assert [place for part in ("spec", "status") if part in schema for place in silent(schema[part], part)] == []


def test_only_the_chosen_defaults_reach_the_api_server() -> None:
    def defaults(node: Any, path: str) -> dict[str, Any]:
        if isinstance(node, list):
            return {}
        found = {path: node["default"]} if "default" in node else {}
        for name, child in node.get("properties", {}).items():
            found |= defaults(child, f"{path}.{name}".lstrip("."))
        for key in ("items", "additionalProperties"):
            if key in node:
                found |= defaults(node[key], f"{path}[]")
        return found

    found = {
        kind.name: defaults(crd.crd(kind)["spec"]["versions"][0]["schema"]["openAPIV3Schema"], "") for kind in KINDS
    }
    # Nobody looked at it yet: that is said of every kind which has a status.
    assert {name for name, entries in found.items() if entries.pop("status.observedGeneration", None) == 0} == {
        kind.name for kind in LIVING
    }
    assert [entries["status"].pop("observedGeneration") for entries in found.values() if entries] == [0] * len(LIVING)
    found = {name: {path: value for path, value in entries.items() if value != {}} for name, entries in found.items()}
    assert {name: entries for name, entries in found.items() if entries} == {
        CHANGE_REQUEST.name: {
            "status": {"submissions": [], "approvals": [], "review": []},
            "status.submissions": [],
            "status.approvals": [],
            "status.review": [],
            "spec.rollbackPlan.steps": [],
        },
        RELEASE.name: {
            "status": {"evidence": []},
            "status.evidence": [],
            "spec.rollbackPlan.steps": [],
        },
        PROMOTION.name: {
            "status": {"signOffs": [], "attestations": []},
            "status.signOffs": [],
            "status.attestations": [],
        },
        **{
            name: {"status": {"approvals": []}, "status.approvals": []}
            for name in (STANDARD_CHANGE.name, "Environment", "FreezeWindow", "ReleaseCalendar")
        },
    }


def test_generated_files_are_up_to_date() -> None:
    for path, wanted in outputs(ROOT):
        assert path.read_text(encoding="utf-8") == wanted, f"{path.name}: run python -m lockflight.crdgen"
    assert {p.name for p in (ROOT / "crds").iterdir()} == {f"{kind.plural}.lockflight.dev.yaml" for kind in KINDS}


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout with pages that people wrote and nothing generated yet."""
    (tmp_path / "docs/kinds").mkdir(parents=True)
    for kind in KINDS:
        page = tmp_path / "docs/kinds" / f"{kind.name.lower()}.md"
        page.write_text(f"# {kind.name}\n\nWords.\n\n{docs.BEGIN}\nold\n{docs.END}\n\nMore words.\n")
    return tmp_path


def test_check_shows_what_is_out_of_date_and_writes_nothing(checkout: Path) -> None:
    result = CliRunner().invoke(main, ["--check", "--root", str(checkout)])
    assert result.exit_code == 1
    assert "+++ generated" in result.output
    assert "+kind: CustomResourceDefinition" in result.output
    assert "-old" in result.output
    assert not (checkout / "crds").exists()


def test_writing_makes_the_check_pass_and_keeps_peoples_words(checkout: Path) -> None:
    assert CliRunner().invoke(main, ["--root", str(checkout)]).exit_code == 0
    page = (checkout / "docs/kinds/release.md").read_text()
    assert page.startswith("# Release\n\nWords.\n")
    assert page.endswith("\n\nMore words.\n")
    assert "| `application` | string (required) | What this is a version of. |" in page
    result = CliRunner().invoke(main, ["--check", "--root", str(checkout)])
    assert (result.exit_code, result.output) == (0, "")


def test_a_page_without_markers_is_named(checkout: Path) -> None:
    (checkout / "docs/kinds/release.md").write_text("# Release\n")
    with pytest.raises(docs.MarkersMissingError, match="the page of Release needs the lines"):
        list(outputs(checkout))


def test_models_refuse_unknown_fields() -> None:
    assert all(
        model.model_config["extra"] == "forbid"
        for kind in KINDS
        for model in _models(kind.model)
        if model.__name__ != "Meta"
    )


def _models(model: type[BaseModel]) -> set[type[BaseModel]]:
    """The model and every model that it holds."""
    found = {model}
    todo = [model]
    while todo:
        for inner in _inside([field.annotation for field in todo.pop().model_fields.values()]):
            if inner not in found:
                found.add(inner)
                todo.append(inner)
    return found


def _inside(annotations: list[Any]) -> list[type[BaseModel]]:
    models: list[type[BaseModel]] = []
    for annotation in annotations:
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            models.append(annotation)
        models += _inside(list(getattr(annotation, "__args__", ())))
    return models


def test_a_duration_explains_itself() -> None:
    assert _property(Duration)["description"] == "Elapsed time: numbers with w, d, h, m or s, such as 24h."
