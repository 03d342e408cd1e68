"""Whoever has an environment read a Secret may read it: the operator is nobody's deputy."""

from collections.abc import Iterator
from typing import Any

from lockflight.admission.manifest import Check, Match, validating

_SOURCES = 16
"""Sources that an Environment may name, as in the CRD."""


def _checks() -> Iterator[Check]:
    for index in range(_SOURCES):
        secret = f"variables.secrets[{index}]"
        may = (
            f"authorizer.group('').resource('secrets').namespace(variables.stack).name({secret}).check('get').allowed()"
        )
        yield Check(
            f"size(variables.secrets) <= {index} || {may}",
            f"'spec.valuesFrom reads Secret ' + {secret} + ', which you may not read: ask for verb get on "
            f"secrets/' + {secret} + ' in namespace ' + variables.stack",
            "Forbidden",
        )


def policies() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """File stem and objects."""

    def named(of: str) -> str:
        return f"{of}.?spec.?valuesFrom.orValue([]).filter(s, s.kind == 'Secret').map(s, s.name)"

    yield (
        "values-from",
        validating(
            "values-from",
            "Whoever names a Secret in an Environment's valuesFrom may read it.",
            Match(["environments"], ["CREATE", "UPDATE"]),
            {
                "stack": "request.?namespace.orValue('')",
                "known": f"request.operation == 'CREATE' ? [] : {named('oldObject')}",
                "secrets": f"({named('object')}).filter(n, !(n in variables.known))",
            },
            list(_checks()),
        ),
    )
