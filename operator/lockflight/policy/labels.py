"""Labels that Lockflight puts on Helm releases, so that Helm's own storage tells what runs."""

from collections.abc import Mapping

from lockflight.api.common import GROUP

RELEASE_DIGEST = f"{GROUP}/release-digest"
PLAN = f"{GROUP}/plan"
PROMOTION = f"{GROUP}/promotion"
VERSION = f"{GROUP}/version"


def short(digest: str) -> str:
    """The first 40 hexadecimal digits: label values hold at most 63 characters."""
    return digest.removeprefix("sha256:")[:40]


def helm_labels(*, release_digest: str, plan_digest: str, promotion_uid: str, version: str) -> Mapping[str, str]:
    """The labels of a Helm release that a promotion makes; + is not allowed in a label and becomes _."""
    return {
        RELEASE_DIGEST: short(release_digest),
        PLAN: short(plan_digest),
        PROMOTION: promotion_uid,
        VERSION: version_label(version),
    }


def version_label(version: str) -> str:
    """The version as a label holds it."""
    return version.replace("+", "_")


def access_user(namespace: str) -> str:
    """The virtual user that gives people access to a target namespace."""
    return f"lockflight:access:{namespace}"


def deployer(namespace: str) -> str:
    """The virtual user that works in a target namespace: derived, never chosen."""
    return f"lockflight:deployer:{namespace}"
