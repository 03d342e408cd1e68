"""Reading objects into the API's models, tolerant of fields that a newer operator writes."""

from collections.abc import Sequence
from typing import Any, TypeVar

from lockflight.api.changerequest import ChangeRequest
from lockflight.api.common import API_VERSION
from lockflight.api.delegation import Delegation
from lockflight.api.environment import Environment
from lockflight.api.freezewindow import FreezeWindow
from lockflight.api.kinds import BY_NAME, AnyObject, Kind
from lockflight.api.promotion import Promotion
from lockflight.api.release import Release
from lockflight.api.releasecalendar import ReleaseCalendar
from lockflight.api.standardchange import StandardChange
from lockflight.cli.app import App
from lockflight.cli.client import Manifest
from lockflight.cli.errors import CliError

T = TypeVar(
    "T",
    Environment,
    Release,
    Promotion,
    ChangeRequest,
    FreezeWindow,
    ReleaseCalendar,
    Delegation,
    StandardChange,
)


def kind_of(model: type[AnyObject]) -> Kind:
    """The kind that a model describes."""
    return BY_NAME[model.__name__]


def parse(model: type[T], manifest: Manifest) -> T:
    """The object as a model. Raises CliError where this program is too old to read it."""
    from pydantic import ValidationError

    try:
        return model.model_validate(manifest, extra="ignore")
    except ValidationError as problem:
        name = manifest.get("metadata", {}).get("name", "?")
        what = f"{model.__name__} {name} cannot be read ({first_problem(problem)})"
        msg = f"{what}: is this lockflight older than the operator?"
        raise CliError(msg) from problem


def get(app: App, model: type[T], name: str) -> T:
    """The object of that name in the chosen namespace. Raises NotFoundError."""
    return parse(model, app.api.get(kind_of(model), app.namespace, name))


def list_all(app: App, model: type[T], namespace: str | None) -> Sequence[T]:
    """All objects of a namespace, by name; None: of all namespaces."""
    found = [parse(model, item) for item in app.api.list(kind_of(model), namespace)]
    return sorted(found, key=lambda o: (o.metadata.namespace, o.metadata.name))


def manifest(
    model: type[AnyObject], namespace: str, name: str | None, spec: dict[str, Any], prefix: str = ""
) -> Manifest:
    """A new object; without a name the API server makes one from ``prefix``."""
    metadata = {"name": name} if name else {"generateName": prefix}
    return {
        "apiVersion": API_VERSION,
        "kind": model.__name__,
        "metadata": {**metadata, "namespace": namespace},
        "spec": spec,
    }


def first_problem(problem: Any) -> str:
    """The first error of a pydantic ValidationError, as ``field: what is wrong``."""
    error = problem.errors()[0]
    where = ".".join(str(part) for part in error["loc"])
    return f"{where}: {error['msg']}" if where else str(error["msg"])
