"""The virtual user of the self-test only asks: what it sends is a dry run, or refused."""

from collections.abc import Iterator
from typing import Any

from lockflight.admission.manifest import ANY, Check, Match, literal, validating
from lockflight.api.common import PROBE


def policies() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """File stem and objects."""
    yield (
        "probe",
        validating(
            "probe",
            "The virtual user that probes guarded namespaces writes nothing, there or elsewhere.",
            Match(
                ["*/*"],
                ["CREATE", "UPDATE", "DELETE", "CONNECT"],
                group=ANY,
                but=("authorization.k8s.io/*", "authentication.k8s.io/*"),
                only_if=f"request.userInfo.?username.orValue('') == {literal(PROBE)}",
            ),
            {"asks": "request.?dryRun.orValue(false)"},
            [
                Check(
                    "variables.asks",
                    f"'{PROBE} only asks whether a guard holds: it writes nothing'",
                    "Forbidden",
                )
            ],
        ),
    )
