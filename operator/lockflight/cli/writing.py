"""Creating and editing objects so that they say who did it, also where the API server is too old to stamp that."""

from typing import Any

from lockflight.api.common import CREATOR_ANNOTATION, CREATOR_GROUPS_ANNOTATION, EDITORS_ANNOTATION
from lockflight.api.kinds import DELEGATION, LIVING, RELEASE, AnyObject, Kind
from lockflight.cli.app import App
from lockflight.cli.client import Manifest
from lockflight.cli.objects import kind_of, manifest

SIGNED = LIVING
"""The kinds that name their creator and editors."""

_WITH_GROUPS = (DELEGATION, RELEASE)
"""Those that name the creator's groups, too: what he hands over, or claims, counts by his rights."""


def create(app: App, model: type[AnyObject], name: str | None, spec: dict[str, Any], prefix: str = "") -> Manifest:
    """Create an object; without a name the API server makes one from ``prefix``. Raises AlreadyExistsError."""
    kind = kind_of(model)
    body = manifest(model, app.namespace, name, spec, prefix)
    if kind in SIGNED:
        me = app.api.whoami()
        body["metadata"]["annotations"] = {CREATOR_ANNOTATION: me.user}
        if kind in _WITH_GROUPS:
            body["metadata"]["annotations"][CREATOR_GROUPS_ANNOTATION] = "\n".join(me.groups)
    return app.api.create(kind, app.namespace, body)


def edit(app: App, kind: Kind, known: Manifest, spec: dict[str, Any]) -> Manifest:
    """Merge ``spec``, which differs from that of the object as it is ``known``."""
    patch: dict[str, Any] = {"spec": spec}
    annotations = known["metadata"].get("annotations") or {}
    editors = [name for name in annotations.get(EDITORS_ANNOTATION, "").split("\n") if name]
    if kind in SIGNED:
        me = app.api.whoami().user
        if me != annotations.get(CREATOR_ANNOTATION) and me not in editors:
            patch["metadata"] = {"annotations": {EDITORS_ANNOTATION: "\n".join([*editors, me])}}
    return app.api.merge(kind, app.namespace, known["metadata"]["name"], patch)
