"""One case for every CEL rule at every place where it stands: what it lets through and what it refuses."""

import re
from dataclasses import dataclass, field

from .objects import DROP, Json

OCI = {"oci": "oci://registry.example/charts/payments", "version": "2.4.0"}
REPOSITORY = {"repository": "https://charts.example", "name": "payments", "version": "2.4.0"}
COMPONENT = {"name": "api", "chart": OCI}
STEP: Json = {"name": "load", "external": {"role": "ops", "description": "Load it.", "timeout": "1h"}}
JOB: Json = {"template": {"spec": {"template": {}}}}
INCIDENT: Json = {"id": "INC-77", "severity": "Sev1", "openedAt": "2026-11-24T12:00:00Z"}
EMERGENCY: Json = {"spec.type": "Emergency", "spec.incident": INCIDENT}
BOX: Json = {
    "environment": "production",
    "level": "Edit",
    "duration": "2h",
    "subjects": [{"kind": "Group", "name": "sre"}],
}
ACTIVITY: Json = {
    "spec.releaseRef": DROP,
    "spec.activity": {"kind": "DRExercise", "description": "Fail over and back.", "duration": "2h"},
    "spec.rollbackPlan.strategy": "Manual",
}
BULK: Json = {"spec.releaseRef": DROP, "spec.releases": [{"stack": "payments", "name": "payments-2.4.1"}]}
ONE_OF = (
    "a change brings a release, those of several stacks, or is an activity: give exactly one of releaseRef, releases "
    "and activity"
)
NO_TIME = "must be longer than 0s: write a duration such as 10m"
NO_DAY = "no such day or time: write it like 2026-12-18T18:00:00"
AFTER = "lies after"
IN_ORDER = "cutOff, candidate and production follow one another (defaults -3bd 17:00, +0bd 09:00, +1bd 09:00)"
ONE_ORIGIN = "a chart comes from oci or from repository: give exactly one of them"
NAME_THERE = "a chart in a repository has a name there, an oci chart has none: repository and name go together"


@dataclass(frozen=True)
class Case:
    """The rule with ``message`` at ``where`` in a kind's schema.

    ``accepted`` and ``refused`` are fields to change in the kind's documented example. With ``before`` the object is
    stored first, with those fields changed, and then edited: the rule is about what may change. ``status`` was
    written by then.
    """

    kind: str
    where: str
    message: str
    accepted: Json
    refused: Json
    before: Json | None = None
    status: Json = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.kind} {self.where}: {self.message}"


def _fixed(kind: str, name: str, message: str, *, instead: Json, also: Json, before: Json | None = None) -> Case:
    return Case(kind, "spec", message.format(name), also, instead, before or {})


_RELEASE = "a release is immutable: {} cannot change, create another version"
_PROMOTION = "a promotion is one attempt: {} cannot change, create another promotion"
_UNHELD: Json = {"spec.hold": DROP}

_REVIEWED: Json = {"type": "pull-request", "result": "Passed", "reviewers": ["rob"], "authors": ["jo"]}
_WAIVED: Json = {"type": "pen-test", "result": "NotApplicable", "role": "test-lead", "reason": "not reachable"}
EVIDENCE: tuple[tuple[str, Json, Json, tuple[str, ...]], ...] = (
    (
        "a pull request passed by somebody's review: name the reviewers",
        _REVIEWED,
        {"type": "pull-request", "result": "Passed", "reviewers": []},
        ("spec", "status"),
    ),
    (
        "reviewers and authors belong to a pull request: leave them out of other types",
        {"type": "pull-request", "result": "Failed", "authors": ["jo"]},
        {"type": "pen-test", "result": "Failed", "authors": ["jo"]},
        ("spec", "status"),
    ),
    (
        "NotApplicable is a waiver: it takes the role in which it is given, and a reason",
        _WAIVED,
        {key: value for key, value in _WAIVED.items() if key != "reason"},
        ("status",),
    ),
    (
        "role goes with a waiver: leave it out, the right to attest is for the type",
        {"type": "pen-test", "result": "Withdrawn", "role": "test-lead"},
        {"type": "pen-test", "result": "Passed", "role": "test-lead"},
        ("status",),
    ),
)

_DELEGATED = "a delegation is fixed: revoke it and make another one"

CASES = [
    # Delegation
    Case(
        "Delegation",
        "spec",
        "end must lie after start",
        {"spec.end": "2026-12-01T00:00:01Z"},
        {"spec.end": "2026-12-01T00:00:00Z"},
    ),
    Case(
        "Delegation",
        "spec",
        "a delegation lasts at most 30 days: make another one when it is over",
        {"spec.end": "2026-12-31T00:00:00Z"},
        {"spec.end": "2026-12-31T00:00:01Z"},
    ),
    Case("Delegation", "spec", "the deputy is another person", {"spec.to": "eve"}, {"spec.to": "alice"}),
    *(
        Case("Delegation", "spec", _DELEGATED, {"spec.revoke": {"reason": "back"}}, {f"spec.{name}": value}, {})
        for name, value in {
            "from": "eve",
            "to": "eve",
            "roles": ["ecab"],
            "start": "2026-12-02T00:00:00Z",
            "end": "2026-12-14T00:00:00Z",
            "reason": "holidays",
        }.items()
    ),
    Case(
        "Delegation",
        "spec",
        "a revoked delegation stays revoked",
        {"spec.revoke": {"reason": "back early"}},
        {"spec.revoke": DROP},
        {"spec.revoke": {"reason": "back"}},
    ),
    # Environment
    Case(
        "Environment",
        "",
        "metadata.name is what other objects call an Environment by: a-z, 0-9 and -, at most 40 characters",
        {"metadata.name": "production-eu"},
        {"metadata.name": "production.eu"},
    ),
    Case(
        "Environment",
        "",
        "promotesFrom names the environment itself: name those that come before it, or [] for an entry",
        {"spec.promotesFrom": ["uat", "uat-eu"]},
        {"spec.promotesFrom": ["uat", "production"]},
    ),
    Case(
        "Environment",
        "spec.drift.interval",
        "interval is between 1m and 24h, in h, m and s",
        {"spec.drift.interval": "1h30m"},
        {"spec.drift.interval": "59s"},
    ),
    Case(
        "Environment",
        "spec.drift.ignore[]",
        "a pointer that ends in /* would leave out whole branches: name the field",
        {"spec.drift.ignore": ["/spec/template/spec/containers/*/image"]},
        {"spec.drift.ignore": ["/spec/template/*"]},
    ),
    Case(
        "Environment",
        "spec",
        "tier is fixed: create another Environment",
        {"spec.soak": "48h"},
        {"spec.tier": "UAT", "spec.data": DROP},
        before={},
    ),
    Case(
        "Environment",
        "spec",
        "require speaks of promotesFrom: name the upstream environments too",
        {"spec.require": "Any"},
        {"spec.promotesFrom": DROP},
    ),
    Case(
        "Environment",
        "spec",
        "soak is a stay in the environment before: an entry (promotesFrom: []) has none, leave soak out",
        {"spec.promotesFrom": [], "spec.require": DROP, "spec.soak": DROP},
        {"spec.promotesFrom": [], "spec.require": DROP},
    ),
    Case(
        "Environment",
        "spec",
        "tiers UAT and Production name images by digest: entry.images.require is Digest there, leave it out",
        {
            "spec.tier": "SystemTest",
            "spec.data": DROP,
            "spec.governance": DROP,
            "spec.entry.images.require": "Versioned",
        },
        {"spec.tier": "UAT", "spec.data": DROP, "spec.entry.images.require": "Versioned"},
    ),
    Case(
        "Environment",
        "spec",
        "only tier Production holds production data: allowed here are Synthetic and Anonymised",
        {"spec.tier": "UAT", "spec.data.allowed": ["Synthetic", "Anonymised"]},
        {"spec.tier": "UAT", "spec.data.allowed": ["Synthetic", "Production"]},
    ),
    Case(
        "Environment",
        "spec",
        "governance is for tiers UAT and Production: leave it out",
        {"spec.tier": "UAT", "spec.data": DROP, "spec.governance": {"approvals": [{"role": "cab"}]}},
        {"spec.tier": "SystemTest", "spec.data": DROP, "spec.governance": {"approvals": [{"role": "cab"}]}},
    ),
    Case(
        "Environment",
        "spec.access[]",
        "purpose Operations is for groups and service accounts, not for single users",
        {"spec.access.1.subjects.0": {"kind": "Group", "name": "jo"}},
        {"spec.access.1.subjects.0": {"kind": "User", "name": "jo"}},
    ),
    Case(
        "Environment",
        "spec.access[].subjects[]",
        "a service account has a namespace, a group or a user has none",
        {"spec.access.1.subjects.1": {"kind": "Group", "name": "restarter"}},
        {"spec.access.1.subjects.1": {"kind": "ServiceAccount", "name": "restarter"}},
    ),
    Case(
        "Environment",
        "spec.access[].subjects[]",
        "names that begin with system: or lockflight: are everybody's, or nobody's: name a group of your own",
        {"spec.access.0.subjects.0.name": "systems"},
        {"spec.access.0.subjects.0.name": "system:authenticated"},
    ),
    Case(
        "Environment",
        "spec",
        "the keys of applications are names: a-z, 0-9 and -, at most 40 characters",
        {"spec.applications": {"ledger-2": {"values": {}}}},
        {"spec.applications": {"Ledger": {"values": {}}}},
    ),
    Case(
        "Environment",
        "spec.exit.verification[]",
        "a verification is a helmTest, a job or external: give exactly one of them",
        {"spec.exit.verification": [{"name": "smoke", "helmTest": {}}, {"name": "load", "job": JOB}]},
        {"spec.exit.verification": [{"name": "smoke", "helmTest": {}, "job": JOB}]},
    ),
    Case(
        "Environment",
        "spec.exit.verification[]",
        "a verification is a helmTest, a job or external: give exactly one of them",
        {"spec.exit.verification": [{"name": "pen-test", "external": {"role": "security"}}]},
        {"spec.exit.verification": [{"name": "pen-test"}]},
    ),
    *(
        Case("Environment", re.sub(r"\.\d\.", "[].", where), NO_TIME, {where: "1s"}, {where: "0h0m"})
        for where in (
            "spec.timeout",
            "spec.changeControl.normal.validFor",
            "spec.changeControl.emergency.reviewWithin",
            "spec.changeControl.emergency.ratify.within",
            "spec.exit.verification.0.helmTest.timeout",
            "spec.exit.verification.1.job.timeout",
            "spec.exit.verification.2.external.timeout",
        )
    ),
    # Promotion's lists
    Case(
        "Promotion",
        "status.attestations[]",
        "an attestation is about a step or a verification: name exactly one of them",
        {"status.attestations": [{"role": "ops", "step": "load", "result": "Passed"}]},
        {"status.attestations": [{"role": "ops", "step": "load", "verification": "load", "result": "Passed"}]},
        {},
    ),
    # Release
    Case(
        "Release",
        "spec",
        "a release has chart (one component) or components: give exactly one of them",
        {"spec.components": DROP, "spec.chart": OCI, "spec.environments": DROP},
        {"spec.chart": OCI},
    ),
    *(
        _fixed("Release", name, _RELEASE, instead={f"spec.{name}": value}, also=_UNHELD)
        for name, value in {
            "application": "ledger",
            "version": "2.4.1",
            "source": DROP,
            "components": [COMPONENT],
            "environments": {"production": {"values": {"logLevel": "debug"}}},
            "evidence": [{"type": "unit-tests", "result": "Failed"}],
            "train": "2027.01",
        }.items()
    ),
    _fixed(
        "Release",
        "chart",
        _RELEASE,
        instead={"spec.chart.version": "2.4.1"},
        also=_UNHELD,
        before={"spec.components": DROP, "spec.chart": OCI, "spec.environments": DROP},
    ),
    Case(
        "Release",
        "spec",
        "version becomes a label: it ends with a letter or a digit",
        {"spec.version": "2.4.0-rc.1"},
        {"spec.version": "2.4.0-rc-"},
    ),
    Case(
        "Release",
        "spec",
        "the Helm release name <application>-<component> has at most 53 characters: shorten one of them",
        {"spec.application": "a" * 40, "spec.components.1.name": "c" * 12, "spec.environments": DROP},
        {"spec.application": "a" * 40, "spec.components.1.name": "c" * 13, "spec.environments": DROP},
    ),
    Case(
        "Release",
        "spec",
        "the keys of environments are names: a-z, 0-9 and -, at most 40 characters",
        {"spec.environments": {"uat-2": {"values": {}}}},
        {"spec.environments": {"UAT": {"values": {}}}},
    ),
    Case(
        "Release",
        "spec",
        "environments.<name>.components names a component that this release does not have: "
        "take a name from components; with the short form chart it is app",
        {"spec.environments": {"uat": {"components": {"schema": {"values": {}}}}}},
        {"spec.environments": {"uat": {"components": {"web": {"values": {}}}}}},
    ),
    *(
        Case("Release", where, message, {**base, path: REPOSITORY}, {**base, path: wrong})
        for where, path, base in (
            ("spec.chart", "spec.chart", {"spec.components": DROP, "spec.environments": DROP}),
            ("spec.components[].chart", "spec.components.0.chart", {}),
        )
        for message, wrong in (
            (ONE_ORIGIN, {**OCI, **REPOSITORY}),
            (NAME_THERE, {**OCI, "name": "payments"}),
        )
    ),
    # Promotion
    *(
        _fixed("Promotion", name, _PROMOTION, instead={f"spec.{name}": value}, also={"spec.abort": True})
        for name, value in {
            "releaseRef": {"name": "payments-2.5.0"},
            "environmentRef": {"name": "uat"},
            "changeRequestRef": DROP,
            "action": "Rollback",
        }.items()
    ),
    Case(
        "Promotion",
        "spec",
        "an abort cannot be taken back: create another promotion",
        {"spec.abort": True},
        {"spec.abort": False},
        before={"spec.abort": True},
    ),
    # ChangeRequest
    Case(
        "Release",
        "spec",
        "a Config or Hotfix release, and no other, names in basedOn the release that it changes",
        {"spec.type": "Config", "spec.version": "2.4.0+cfg.1", "spec.basedOn": {"name": "payments-2.4.0"}},
        {"spec.basedOn": {"name": "payments-2.3.0"}},
    ),
    Case(
        "Release",
        "spec",
        "a Config release, and no other, has a version that ends with +cfg.N, such as 2.4.0+cfg.1",
        {"spec.version": "2.4.0+build.1"},
        {"spec.version": "2.4.0+cfg.1"},
    ),
    Case(
        "Release",
        "spec",
        "a Config or Hotfix release, and no other, names in basedOn the release that it changes",
        {"spec.type": "Hotfix", "spec.basedOn": {"name": "payments-2.3.0"}},
        {"spec.type": "Hotfix"},
    ),
    Case(
        "Release",
        "spec",
        "a Config or Hotfix release, and no other, names in basedOn the release that it changes",
        {"spec.type": "Scheduled"},
        {"spec.type": "Scheduled", "spec.basedOn": {"name": "payments-2.3.0"}},
    ),
    Case(
        "Release",
        "spec",
        "a Config release brings the bytes of basedOn, and the hotfixes in them: leave includes out",
        {"spec.includes": ["payments-2.3.9"]},
        {
            "spec.type": "Config",
            "spec.version": "2.4.0+cfg.1",
            "spec.basedOn": {"name": "payments-2.4.0"},
            "spec.includes": ["payments-2.3.9"],
        },
    ),
    _fixed(
        "Release",
        "includes",
        _RELEASE,
        instead={"spec.includes": ["payments-2.3.8"]},
        also={"spec.hold": DROP},
        before={"spec.includes": ["payments-2.3.9"]},
    ),
    Case(
        "Environment",
        "spec.applications.*",
        "give values, a hold, or both",
        {"spec.applications": {"payments": {"hold": {"reason": "triage"}}}},
        {"spec.applications": {"payments": {}}},
    ),
    Case(
        "Release",
        "spec",
        "two components cannot be one Helm release: each releaseName once",
        {"spec.components.0.releaseName": "billing"},
        {"spec.components.0.releaseName": "billing", "spec.components.1.releaseName": "billing"},
    ),
    Case(
        "ChangeRequest",
        "spec",
        "what is removed is a release, by a Normal change or an Emergency: no pattern is one of removing",
        {"spec.action": "Remove"},
        {
            "spec.action": "Remove",
            "spec.type": "Standard",
            "spec.standardChangeRef": {"name": "patch-upgrade"},
        },
    ),
    Case(
        "ChangeRequest",
        "spec",
        "action is fixed: raise another change to do something else",
        {"spec.title": "Payments goes"},
        {"spec.action": "Deploy"},
        {"spec.action": "Remove"},
    ),
    _fixed(
        "Release",
        "requires",
        _RELEASE,
        instead={"spec.requires": [{"application": "ledger", "version": ">=1"}]},
        also=_UNHELD,
    ),
    Case(
        "Release",
        "spec",
        "requires names other applications: what belongs to this one goes into its components",
        {"spec.requires": [{"application": "ledger", "version": ">=1.2 <2"}]},
        {"spec.requires": [{"application": "payments", "version": ">=1.2 <2"}]},
    ),
    Case(
        "ReleaseCalendar",
        "spec.hotfix",
        "a hotfix never skips the last tier before production: tiers names UAT and Production at least",
        {"spec.hotfix.tiers": ["UAT", "Production"]},
        {"spec.hotfix.tiers": ["SystemTest", "Production"]},
    ),
    Case(
        "ReleaseCalendar",
        "spec.hotfix.backMergeWithin",
        NO_TIME,
        {"spec.hotfix.backMergeWithin": "1h"},
        {"spec.hotfix.backMergeWithin": "0h"},
    ),
    Case(
        "ReleaseCalendar",
        "spec.hotfix",
        "passing a Local environment proves nothing: leave Local out of tiers",
        {"spec.hotfix.tiers": ["Integration", "UAT", "Production"]},
        {"spec.hotfix.tiers": ["Local", "UAT", "Production"]},
    ),
    Case(
        "ChangeRequest",
        "spec",
        "hotfix goes with a Normal change of a release: an emergency has its incident, a standard one its pattern",
        {"spec.hotfix": {"defect": "PAY-512"}},
        {"spec.hotfix": {"defect": "PAY-512"}, "spec.type": "Emergency", "spec.incident": INCIDENT},
    ),
    _fixed(
        "Release",
        "scope",
        _RELEASE,
        instead={"spec.scope": [{"id": "PAY-400", "title": "Other work"}]},
        also=_UNHELD,
        before={"spec.scope": [{"id": "PAY-381", "title": "Refund limits"}]},
    ),
    _fixed("Release", "rollbackPlan", _RELEASE, instead={"spec.rollbackPlan": DROP}, also={"spec.hold": DROP}),
    Case(
        "Release",
        "spec.rollbackPlan",
        "RollForward, Restore and Manual are done by people: write down the steps",
        {"spec.rollbackPlan.strategy": "Restore"},
        {"spec.rollbackPlan.strategy": "Restore", "spec.rollbackPlan.steps": []},
    ),
    Case(
        "Environment",
        "spec.entry.trust",
        "trust names whose signatures count: keys, or sigstore",
        {"spec.entry.trust.sigstore": DROP},
        {"spec.entry.trust": {"keys": []}},
    ),
    *(
        Case(
            "Release",
            f"{where}.evidence[]",
            message,
            {f"{where}.evidence": [accepted]},
            {f"{where}.evidence": [refused]},
            before={} if where == "status" else None,
        )
        for message, accepted, refused, places in EVIDENCE
        for where in places
    ),
    _fixed("Release", "type", _RELEASE, instead={"spec.type": "Scheduled"}, also={"spec.hold": DROP}),
    _fixed(
        "Release",
        "basedOn",
        _RELEASE,
        instead={"spec.basedOn.name": "payments-2.2.0"},
        also={"spec.hold": DROP},
        before={"spec.type": "Config", "spec.version": "2.4.0+cfg.1", "spec.basedOn": {"name": "payments-2.3.0"}},
    ),
    Case(
        "ChangeRequest",
        "",
        "type is fixed once somebody decided on the change or a promotion used it: raise another one",
        {"spec.title": "Payments 2.4.0, second try"},
        {"spec.type": "Emergency", "spec.incident": INCIDENT},
        before={},
        status={"approvals": [{"role": "cab", "decision": "Approved"}]},
    ),
    *(
        Case(
            "ChangeRequest",
            "",
            "rollbackPlan and schedule are fixed once a promotion used the change: raise another one",
            {"spec.title": "Payments 2.4.0, second try"},
            edit,
            before={},
            status={
                "usedBy": [
                    {
                        "environment": "production",
                        "promotionUID": "6b8f0c1e",
                        "planDigest": f"sha256:{'a' * 64}",
                        "at": "2026-12-01T19:00:00Z",
                    }
                ]
            },
        )
        for edit in (
            {"spec.rollbackPlan.until": "2099-12-31T00:00:00Z"},
            {"spec.rollbackPlan": DROP},
            {"spec.schedule.end": "2099-12-31T00:00:00Z"},
            {"spec.schedule": DROP},
        )
    ),
    Case(
        "ChangeRequest",
        "",
        "this change has ended and stays as it was: raise another one",
        {"metadata.labels": {"team": "a"}},
        {"spec.title": "Payments 2.4.0, second try"},
        before={},
        status={"phase": "Closed"},
    ),
    Case(
        "ChangeRequest",
        "",
        "what is done cannot be cancelled: review it (lockflight change review)",
        {"spec.title": "Payments 2.4.0, second try"},
        {"spec.cancel": {"reason": "too late"}},
        before={},
        status={"phase": "Review"},
    ),
    *(
        Case(
            "ChangeRequest",
            "",
            message,
            {"status.phase": legal},
            {"status.phase": illegal},
            before={},
            status={"phase": was},
        )
        for message, was, legal, illegal in (
            ("what has ended stays as it ended: raise another change", "Rejected", "Rejected", "Scheduled"),
            ("what was begun can only be implemented, reviewed and closed", "Review", "Closed", "Cancelled"),
        )
    ),
    Case(
        "ChangeRequest",
        "spec",
        ONE_OF,
        {**EMERGENCY, "spec.releaseRef": DROP, "spec.unauthorised": {"application": "payments"}},
        {"spec.releaseRef": DROP},
    ),
    Case(
        "ChangeRequest",
        "spec",
        ONE_OF,
        ACTIVITY,
        {**ACTIVITY, "spec.releaseRef": {"name": "payments-2.4.0"}},
    ),
    Case("ChangeRequest", "spec", ONE_OF, BULK, {**BULK, "spec.releaseRef": {"name": "payments-2.4.0"}}),
    Case(
        "ChangeRequest",
        "spec",
        "a bulk change is a Normal change: patterns and incidents are each stack's own",
        BULK,
        {**BULK, **EMERGENCY},
    ),
    Case(
        "ChangeRequest",
        "spec",
        "releases are fixed: raise another change for other releases",
        {"spec.title": "CVE day"},
        {"spec.releases": [{"stack": "payments", "name": "payments-2.4.2"}]},
        before=BULK,
    ),
    Case(
        "ChangeRequest",
        "spec",
        "an activity is a Normal change: no pattern and no emergency speaks of what Lockflight does not apply",
        ACTIVITY,
        {**ACTIVITY, **EMERGENCY},
    ),
    Case(
        "ChangeRequest",
        "spec",
        "an activity is carried out inside its schedule: give schedule.start and schedule.end",
        ACTIVITY,
        {**ACTIVITY, "spec.schedule": DROP},
    ),
    Case(
        "ChangeRequest",
        "spec",
        "Helm takes no activity back: choose RollForward, Restore or Manual",
        ACTIVITY,
        {**ACTIVITY, "spec.rollbackPlan.strategy": "HelmRollback"},
    ),
    Case(
        "ChangeRequest",
        "spec.activity.duration",
        NO_TIME,
        ACTIVITY,
        {**ACTIVITY, "spec.activity": {"kind": "Other", "description": "x", "duration": "0s"}},
    ),
    Case(
        "Release",
        "spec.components[]",
        "a component is a chart, or a step that others take: give exactly one of chart and external",
        {"spec.components.2.name": "rates"},
        {"spec.components.2.chart": OCI},
    ),
    Case(
        "Release",
        "spec.components[]",
        "values are Helm's: a step that others take has none",
        {"spec.components.2.name": "rates"},
        {"spec.components.2.values": {"a": 1}},
    ),
    Case(
        "Release",
        "spec.components[]",
        "a Helm release is Helm's: a step that others take has no releaseName",
        {"spec.components.2.name": "rates"},
        {"spec.components.2.releaseName": "rates"},
    ),
    Case(
        "Release",
        "spec.components[].external.timeout",
        NO_TIME,
        {"spec.components.2.external.timeout": "1s"},
        {"spec.components.2.external.timeout": "0h0m"},
    ),
    Case(
        "Release",
        "spec",
        "a release has a chart at least: what others do alone is a change with an activity",
        {"spec.components": [COMPONENT, STEP], "spec.environments": DROP},
        {"spec.components": [STEP], "spec.environments": DROP},
    ),
    *(
        Case(
            "ChangeRequest",
            "",
            "what may have begun already stays as it was approved: cancel this change and raise another one",
            {"spec.cancel": {"reason": "the second site is down"}},
            edit,
            before=ACTIVITY,
            status={"phase": "Implement"},
        )
        for edit in (
            {"spec.activity.description": "Fail over and stay."},
            {"spec.environments": ["production", "uat"]},
            {"spec.schedule.end": "2099-12-31T00:00:00Z"},
        )
    ),
    Case(
        "ChangeRequest",
        "spec",
        "an emergency has an incident: give incident.id, severity and openedAt",
        EMERGENCY,
        {"spec.type": "Emergency"},
    ),
    Case(
        "ChangeRequest",
        "spec",
        "access for a time goes with type Emergency: lasting access stands in the Environment",
        {**EMERGENCY, "spec.access": [BOX]},
        {"spec.access": [BOX]},
    ),
    Case(
        "ChangeRequest",
        "spec",
        "access is to environments that the change names",
        {**EMERGENCY, "spec.access": [BOX]},
        {**EMERGENCY, "spec.access": [{**BOX, "environment": "elsewhere"}]},
    ),
    Case(
        "ChangeRequest",
        "spec.access[].duration",
        "access for a time lasts 24h at most, and more than nothing, in h, m and s",
        {**EMERGENCY, "spec.access": [{**BOX, "duration": "24h"}]},
        {**EMERGENCY, "spec.access": [{**BOX, "duration": "24h1s"}]},
    ),
    *(
        Case(
            "ChangeRequest",
            "spec.access[].subjects[]",
            message,
            {**EMERGENCY, "spec.access": [BOX]},
            {**EMERGENCY, "spec.access": [{**BOX, "subjects": [subject]}]},
        )
        for message, subject in {
            "a service account has a namespace, a group or a user has none": {"kind": "ServiceAccount", "name": "a"},
            "names that begin with system: or lockflight: are everybody's, or nobody's: name a group of your own": {
                "kind": "Group",
                "name": "system:authenticated",
            },
        }.items()
    ),
    Case(
        "ChangeRequest",
        "spec",
        "an incident goes with type Emergency: leave it out",
        EMERGENCY,
        {"spec.incident": INCIDENT},
    ),
    Case(
        "Environment",
        "spec.changeControl.emergency",
        "Order is bypassed down to a tier: give orderDownTo with Order in bypass, and only then",
        {"spec.changeControl.emergency.bypass": ["Soak"], "spec.changeControl.emergency.orderDownTo": DROP},
        {"spec.changeControl.emergency.bypass": ["Soak"]},
    ),
    Case(
        "ChangeRequest",
        "spec",
        "unauthorised is the operator's mark: it is neither added nor taken away",
        {"spec.title": "Found"},
        {"spec.unauthorised": {"application": "ledger"}},
        before={**EMERGENCY, "spec.releaseRef": DROP, "spec.unauthorised": {"application": "payments"}},
    ),
    Case(
        "ChangeRequest",
        "spec",
        "releaseRef is fixed: raise another change for another release",
        {"spec.title": "Payments 2.4.0, refunds"},
        {"spec.releaseRef.name": "payments-2.5.0"},
        before={},
    ),
    Case(
        "ChangeRequest",
        "spec",
        "a Standard change, and no other, names its pattern: give standardChangeRef with type Standard only",
        {"spec.type": "Standard", "spec.standardChangeRef": {"name": "patch-upgrade"}},
        {"spec.type": "Standard"},
    ),
    Case(
        "ChangeRequest",
        "spec",
        "putBack goes with what was changed without permission: promote what ran before instead",
        {
            "spec.releaseRef": DROP,
            "spec.type": "Emergency",
            "spec.unauthorised": {"application": "payments"},
            "spec.putBack": {"drift": "sha256:" + "a" * 64},
        },
        {"spec.putBack": {"drift": "sha256:" + "a" * 64}},
    ),
    Case(
        "ChangeRequest",
        "spec",
        "a cancelled change stays cancelled: raise another one",
        {"spec.cancel.reason": "another reason"},
        {"spec.cancel": DROP},
        before={"spec.cancel": {"reason": "not needed"}},
    ),
    Case(
        "ChangeRequest",
        "spec",
        "rollbackPlan.until must lie after schedule.start: there is nothing to take back before it",
        {"spec.rollbackPlan.until": "2026-12-01T19:00:01Z"},
        {"spec.rollbackPlan.until": "2026-12-01T19:00:00Z"},
    ),
    Case(
        "ChangeRequest",
        "spec.rollbackPlan",
        "RollForward, Restore and Manual are done by people: write down the steps",
        {"spec.rollbackPlan.strategy": "Restore"},
        {"spec.rollbackPlan.strategy": "Restore", "spec.rollbackPlan.steps": []},
    ),
    Case(
        "ChangeRequest",
        "spec.schedule",
        "schedule.end must lie after schedule.start",
        {"spec.schedule.end": "2026-12-01T19:00:01Z"},
        {"spec.schedule.end": "2026-12-01T19:00:00Z"},
    ),
    Case(
        "ChangeRequest",
        "spec.risk",
        "a declared risk is impact by likelihood: give both or neither",
        {"spec.risk": {"assessment": "none"}},
        {"spec.risk.likelihood": DROP},
    ),
    # StandardChange
    Case(
        "StandardChange",
        "spec",
        "what is of high risk is no standard change: pattern.maxRisk is Low or Medium",
        {"spec.pattern.maxRisk": "Medium"},
        {"spec.pattern.maxRisk": "High"},
    ),
    # FreezeWindow
    Case(
        "FreezeWindow",
        "spec",
        "end must lie after start; leave it out: until lifted",
        {"spec.end": DROP},
        {"spec.end": "2026-12-18T18:00:00"},
    ),
    Case(
        "FreezeWindow",
        "spec",
        "recurrence stands instead of end: each one ends after recurrence.duration",
        {"spec.end": DROP, "spec.recurrence": {"rrule": "FREQ=DAILY", "duration": "2h"}},
        {"spec.recurrence": {"rrule": "FREQ=DAILY", "duration": "2h"}},
    ),
    *(
        Case(
            "FreezeWindow",
            "spec.recurrence.rrule",
            message,
            {"spec.end": DROP, "spec.recurrence": {"rrule": good, "duration": "2h"}},
            {"spec.end": DROP, "spec.recurrence": {"rrule": bad, "duration": "2h"}},
        )
        for message, good, bad in (
            (
                "FREQ is HOURLY, DAILY, WEEKLY, MONTHLY or YEARLY: what begins more often is no window",
                "BYDAY=-1FR;FREQ=MONTHLY",
                "FREQ=SECONDLY",
            ),
            ("COUNT and UNTIL: give one of them", "FREQ=DAILY;COUNT=2", "FREQ=DAILY;COUNT=2;UNTIL=20270101T000000"),
        )
    ),
    Case(
        "FreezeWindow",
        "spec.recurrence.duration",
        NO_TIME,
        {"spec.end": DROP, "spec.recurrence": {"rrule": "FREQ=DAILY", "duration": "2h"}},
        {"spec.end": DROP, "spec.recurrence": {"rrule": "FREQ=DAILY", "duration": "0h"}},
    ),
    Case(
        "FreezeWindow",
        "spec",
        "a lifted freeze stays lifted: declare another one",
        {"spec.lift.reason": "another reason"},
        {"spec.lift": DROP},
        before={"spec.lift": {"reason": "books closed"}},
    ),
    *(
        Case("FreezeWindow", f"spec.{name}", NO_DAY, {f"spec.{name}": good}, {f"spec.{name}": bad})
        for name, good, bad in (
            ("start", "2026-12-01T00:00:00", "2026-11-31T00:00:00"),
            ("end", "2028-02-29T23:59:59", "2029-02-29T23:59:59"),
            ("end", "2400-02-29T23:59:59", "2100-02-29T23:59:59"),
        )
    ),
    # AuditRecord
    Case(
        "AuditRecord",
        "",
        "an audit record is never edited",
        {},
        {"spec.facts.role": "ecab"},
        before={},
    ),
    *(
        Case(
            "AuditRecord",
            "",
            "an audit record is called <stack>-<sequence as ten digits>",
            {"metadata.name": "ledger-0000000007", "spec.stack": "ledger"},
            wrong,
        )
        for wrong in (
            {"metadata.name": "payments-0000000008"},
            {"metadata.name": "payments-7"},
            {"metadata.name": "ledger-0000000007"},
        )
    ),
    # ReleaseCalendar
    Case(
        "ReleaseCalendar",
        "spec.holidays",
        "a subdivision is a part of a country: name the country too",
        {"spec.holidays.subdivision": DROP},
        {"spec.holidays.country": DROP},
    ),
    Case(
        "ReleaseCalendar",
        "spec.holidays.dates[]",
        "no such day: write it like 2026-11-02",
        {"spec.holidays.dates": ["2028-02-29"]},
        {"spec.holidays.dates": ["2026-11-31"]},
    ),
    Case(
        "ReleaseCalendar",
        "spec.cab.meetings[]",
        "submitBy lies after the meeting: count back from its day, such as -2bd 12:00",
        {"spec.cab.meetings.0.submitBy": "+0d 14:00"},
        {"spec.cab.meetings.0.submitBy": "+0d 14:01"},
    ),
    Case(
        "ReleaseCalendar",
        "spec.cab.meetings[]",
        "the time of day is in at: leave BYHOUR, BYMINUTE and BYSECOND out",
        {"spec.cab.meetings.0.rrule": "FREQ=MONTHLY;BYDAY=-1FR"},
        {"spec.cab.meetings.0.rrule": "FREQ=WEEKLY;BYDAY=TU;BYHOUR=14"},
    ),
    Case(
        "ReleaseCalendar",
        "spec.cab",
        "lead times are for the change types Standard and Normal: an emergency has none",
        {"spec.cab.minLeadTime": {"Standard": "2h", "Normal": "3bd"}},
        {"spec.cab.minLeadTime": {"Emergency": "1h"}},
    ),
    Case(
        "ReleaseCalendar",
        "spec.criticalDates[].date",
        "no such day: write it like 12-31 or 2027-03-15",
        {"spec.criticalDates.0.date": "02-29"},
        {"spec.criticalDates.0.date": "2027-04-31"},
    ),
    *(
        Case(
            "ReleaseCalendar",
            f"spec.changeWindows[].{name}",
            message,
            {f"spec.changeWindows.0.{name}": good},
            {f"spec.changeWindows.0.{name}": bad},
        )
        for name, message, good, bad in (
            (
                "rrule",
                "FREQ is HOURLY, DAILY, WEEKLY, MONTHLY or YEARLY: what begins more often is no window",
                "FREQ=HOURLY",
                "FREQ=MINUTELY",
            ),
            ("rrule", "COUNT and UNTIL: give one of them", "FREQ=DAILY;COUNT=2", "FREQ=DAILY;COUNT=2;UNTIL=2"),
            ("duration", NO_TIME, "30m", "0m"),
        )
    ),
    Case(
        "ReleaseCalendar",
        "spec.sprint.start",
        "no such day: write it like 2026-11-02",
        {"spec.sprint.start": "2028-02-29"},
        {"spec.sprint.start": "2100-02-29"},
    ),
    Case(
        "ReleaseCalendar",
        "spec",
        "in every month or quarter a sprint must end: with every: Month sprints have at most 4w, "
        "with Quarter at most 12w",
        {"spec.train": {"every": "Month"}, "spec.sprint.length": "28d"},
        {"spec.train": {"every": "Month"}, "spec.sprint.length": "5w"},
    ),
    Case(
        "ReleaseCalendar",
        "spec.train",
        "a train has a number of sprints, or leaves every Month or Quarter: give one of them",
        {"spec.train": {"every": "Quarter"}},
        {"spec.train.every": "Quarter"},
    ),
    Case(
        "ReleaseCalendar",
        "spec.train",
        f"cutOff {AFTER} candidate: {IN_ORDER}",
        {"spec.train.cutOff": "+0bd 09:00"},
        {"spec.train.cutOff": "+0bd 09:01"},
    ),
    Case(
        "ReleaseCalendar",
        "spec.train",
        f"candidate {AFTER} production: {IN_ORDER}",
        {"spec.train.candidate": "+9d 08:00"},
        {"spec.train.candidate": "+2bd 08:00"},
    ),
    Case(
        "ReleaseCalendar",
        "spec.train",
        "every train needs a name of its own: use {year} and {number} (or {month}, {quarter} with every: Month, "
        "Quarter)",
        {"spec.train.name": "train-{number}-of-{year}"},
        {"spec.train.name": "{year}-{month}"},
    ),
]
