"""An Environment with its tier's baseline filled in: left out is inherited, given may only be stricter."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from lockflight.api.common import ChangeType, RiskLevel, RoleCount, Tier, parse_duration
from lockflight.api.data import DataClass, DataRules
from lockflight.api.drift import DriftMode, DriftRules
from lockflight.api.environment import (
    ChangeControl,
    Entry,
    Environment,
    EnvironmentSpec,
    Exit,
    ImagePolicy,
    Images,
    Independence,
    NormalChange,
    OnFailure,
    Require,
    StandardControl,
)
from lockflight.policy import ladder
from lockflight.policy.datapolicy import allowed as data_allowed
from lockflight.policy.driftrules import watched_more
from lockflight.policy.emergencyrules import DEFAULT_SEVERITIES, stricter
from lockflight.policy.model import Effective
from lockflight.policy.quorum import union
from lockflight.policy.ruleasked import more_governed
from lockflight.policy.trust import narrower
from lockflight.policy.values import merge

_BASICS = {"require": Require.ALL, "soak": "0s", "on_failure": OnFailure.ROLLBACK, "timeout": "10m"}
_MASKED = DataRules(allowed=(DataClass.SYNTHETIC, DataClass.ANONYMISED))
_BUILD = ("static-analysis", "unit-tests")

TIER_DEFAULTS: Final[Mapping[Tier, EnvironmentSpec]] = {
    Tier.LOCAL: EnvironmentSpec(tier=Tier.LOCAL, auto_promote=True, data=_MASKED, **_BASICS),
    Tier.INTEGRATION: EnvironmentSpec(
        tier=Tier.INTEGRATION, auto_promote=True, entry=Entry(evidence=_BUILD), data=_MASKED, **_BASICS
    ),
    Tier.SYSTEM_TEST: EnvironmentSpec(
        tier=Tier.SYSTEM_TEST,
        auto_promote=True,
        entry=Entry(tagged_only=True, evidence=(*_BUILD, "integration-tests"), waivable=("integration-tests",)),
        exit=Exit(sign_offs=(RoleCount(role="qa"),)),
        data=_MASKED,
        **_BASICS,
    ),
    Tier.UAT: EnvironmentSpec(
        tier=Tier.UAT,
        auto_promote=False,
        entry=Entry(images=Images(require=ImagePolicy.DIGEST)),
        exit=Exit(sign_offs=(RoleCount(role="business"),)),
        data=_MASKED,
        **_BASICS,
    ),
    Tier.PRODUCTION: EnvironmentSpec(
        tier=Tier.PRODUCTION,
        auto_promote=False,
        entry=Entry(images=Images(require=ImagePolicy.DIGEST)),
        data=DataRules(allowed=tuple(DataClass)),
        drift=DriftRules(mode=DriftMode.DETECT),
        **_BASICS,
    ),
}
"""What an Environment of a tier has where neither it nor a baseline says otherwise."""

FLOOR_SIGN_OFFS: Final[Mapping[Tier, tuple[str, ...]]] = {Tier.SYSTEM_TEST: ("qa",), Tier.UAT: ("business",)}
"""Roles without whose sign-off nothing leaves an Environment of the tier."""

DEFAULT_VALID_FOR: Final = "168h"
"""How long an approval holds where neither schedule nor Environment say."""
DEFAULT_ATTEMPTS: Final = 2
"""How many promotions may run under one approval."""


@dataclass(slots=True)
class _Judge:
    problems: list[str] = field(default_factory=list)

    def refuse(self, name: str, found: object, allowed: str) -> None:
        self.problems.append(f"spec.{name} is {found}: allowed is {allowed}")


def effective(environment: Environment, baseline: Environment | None, stack: Sequence[Environment]) -> Effective:
    """``environment`` as it counts; ``stack`` are all environments beside it, itself included."""
    judge = _Judge()
    tier, spec = environment.spec.tier, environment.spec
    base = _replaced(TIER_DEFAULTS[tier], baseline.spec) if baseline else TIER_DEFAULTS[tier]
    merged = _inherit(spec, base, judge)
    upstream = upstream_of(environment, stack)
    _floor(merged, judge)
    _graph(environment, upstream, stack, judge)
    in_root = baseline is not None and baseline.spec.calendar_ref is not None
    return Effective(environment.metadata.name, merged, upstream, tuple(judge.problems), in_root, baseline)


def accepts(control: ChangeControl) -> tuple[ChangeType, ...]:
    """The types of change that have a rule here."""
    rules = {
        ChangeType.STANDARD: control.standard,
        ChangeType.NORMAL: control.normal,
        ChangeType.EMERGENCY: control.emergency,
    }
    return tuple(kind for kind, rule in rules.items() if rule is not None)


def quorum_rule(rule: NormalChange, risk: RiskLevel) -> tuple[RoleCount, ...]:
    """Who approves a normal change of that risk."""
    return union((rule.approvals, rule.high_risk if risk is RiskLevel.HIGH else ()))


def upstream_of(environment: Environment, stack: Sequence[Environment]) -> tuple[str, ...]:
    """The upstream environments: as named, else those of the next lower tier the stack has, Local left out."""
    if environment.spec.promotes_from is not None:
        return environment.spec.promotes_from
    lower = [e for e in stack if Tier.LOCAL.rank < e.spec.tier.rank < environment.spec.tier.rank]
    nearest = max((e.spec.tier.rank for e in lower), default=None)
    return tuple(sorted(e.metadata.name for e in lower if e.spec.tier.rank == nearest))


def _replaced(defaults: EnvironmentSpec, baseline: EnvironmentSpec) -> EnvironmentSpec:
    """A baseline replaces the tier's defaults, field by field; the tier's floor holds all the same."""
    given = merge(
        defaults.dump(), baseline.model_dump(mode="json", by_alias=True, exclude_none=True, exclude_unset=True)
    )
    return EnvironmentSpec.model_validate(given)


def _inherit(spec: EnvironmentSpec, base: EnvironmentSpec, judge: _Judge) -> EnvironmentSpec:
    if spec.soak and base.soak and parse_duration(spec.soak) < parse_duration(base.soak):
        judge.refuse("soak", spec.soak, f"at least {base.soak}, the baseline of tier {spec.tier}")
    if spec.calendar_ref and base.calendar_ref and spec.calendar_ref != base.calendar_ref:
        judge.refuse("calendarRef", spec.calendar_ref.name, f"{base.calendar_ref.name}, as the baseline says")
    if spec.require is Require.ANY and base.require is Require.ALL and base.promotes_from is not None:
        judge.refuse("require", spec.require, "All, as the baseline says")
    return base.model_copy(
        update={
            "promotes_from": spec.promotes_from,
            "require": spec.require or base.require,
            "soak": _longest(spec.soak, base.soak),
            "target": spec.target or base.target,
            "entry": _entry(spec.entry, base.entry, judge),
            "calendar_ref": base.calendar_ref or spec.calendar_ref,
            "change_control": _change_control(spec.change_control, base.change_control, judge),
            "exit": _exit(spec.exit, base.exit, judge),
            "values": merge(base.values or {}, spec.values or {}) or None,
            "applications": {**(base.applications or {}), **(spec.applications or {})} or None,
            "hold": spec.hold,
            "retired": spec.retired,
            "values_from": spec.values_from,
            "access": ladder.floor(ladder.union(spec.access or (), base.access or ()), spec.tier, judge.refuse) or None,
            "data": data_allowed(spec.data, base.data, judge.refuse),
            "drift": watched_more(spec.drift, base.drift, judge.refuse),
            "on_failure": spec.on_failure or base.on_failure,
            "governance": more_governed(spec.governance, base.governance, judge.refuse),
            "auto_promote": base.auto_promote if spec.auto_promote is None else spec.auto_promote,
            "timeout": spec.timeout or base.timeout,
        }
    )


def _entry(mine: Entry | None, base: Entry | None, judge: _Judge) -> Entry | None:
    if mine is None or base is None:
        return mine or base
    if base.branches and mine.branches is not None and not (mine.branches and set(mine.branches) <= set(base.branches)):
        judge.refuse("entry.branches", list(mine.branches), f"some of {list(base.branches)}")
    if base.tagged_only and mine.tagged_only is False:
        judge.refuse("entry.taggedOnly", "false", "true")
    if base.require_window and mine.require_window is False:
        judge.refuse("entry.requireWindow", "false", "true")
    for kind in mine.waivable or ():
        if kind in (base.evidence or ()) and kind not in (base.waivable or ()):
            judge.refuse("entry.waivable", kind, ", ".join(base.waivable or ()) or "nothing, as the baseline says")
    return Entry(
        signed=_united(base.signed or (), mine.signed or ()) or None,
        trust=narrower(mine.trust, base.trust, judge.refuse),
        waivable=mine.waivable if mine.waivable is not None else base.waivable,
        branches=mine.branches if mine.branches is not None else base.branches,
        tagged_only=bool(base.tagged_only or mine.tagged_only),
        evidence=_united(base.evidence or (), mine.evidence or ()),
        images=_images(mine.images, base.images, judge),
        require_window=base.require_window or mine.require_window,
    )


def _images(mine: Images | None, base: Images | None, judge: _Judge) -> Images | None:
    if mine is None or base is None:
        return mine or base
    order = list(ImagePolicy)
    if mine.require and base.require and order.index(mine.require) > order.index(base.require):
        judge.refuse("entry.images.require", mine.require, f"{base.require} or stricter")
    strictest = min((r for r in (mine.require, base.require) if r), key=order.index, default=None)
    return Images(require=strictest, local=_united(base.local, mine.local))


def _change_control(mine: ChangeControl | None, base: ChangeControl | None, judge: _Judge) -> ChangeControl | None:
    if mine is None or base is None:
        return mine or base
    if mine.attempts and base.attempts and mine.attempts > base.attempts:
        judge.refuse("changeControl.attempts", mine.attempts, f"at most {base.attempts}")
    attempts = min((a for a in (mine.attempts, base.attempts) if a), default=None)
    draft = base.draft if mine.draft is None else mine.draft
    standard = _standard(mine.standard, base.standard, judge)
    emergency = stricter(
        mine.emergency,
        base.emergency,
        judge.refuse,
        lambda name, own, theirs: _counts(name, own, theirs, judge),
    )
    if mine.independence is Independence.PERSON and base.independence is Independence.FUNCTION:
        judge.refuse("changeControl.independence", mine.independence, "Function, as the baseline says")
    independence = min(
        (i for i in (mine.independence, base.independence) if i), key=list(Independence).index, default=None
    )
    if base.relays and not set(mine.relays) <= set(base.relays):
        judge.refuse("changeControl.relays", list(mine.relays), f"some of {list(base.relays)}")
    relays = mine.relays or base.relays
    common: dict[str, Any] = {
        "standard": standard,
        "emergency": emergency,
        "draft": draft,
        "attempts": attempts,
        "relays": relays,
        "independence": independence,
    }
    if mine.normal is None or base.normal is None:
        normal = mine.normal or base.normal
        return ChangeControl(normal=normal, **common)
    valid = [v for v in (mine.normal.valid_for, base.normal.valid_for) if v]
    if len(valid) == 2 and parse_duration(valid[0]) > parse_duration(valid[1]):
        judge.refuse("changeControl.normal.validFor", valid[0], f"at most {valid[1]}")
    normal = NormalChange(
        approvals=_counts("changeControl.normal.approvals", mine.normal.approvals, base.normal.approvals, judge),
        high_risk=_counts("changeControl.normal.highRisk", mine.normal.high_risk, base.normal.high_risk, judge),
        valid_for=min(valid, key=parse_duration, default=None),
    )
    return ChangeControl(normal=normal, **common)


def _standard(mine: StandardControl | None, base: StandardControl | None, judge: _Judge) -> StandardControl | None:
    if mine is None or base is None:
        return mine or base
    most = base.suspend_after_failures
    if mine.suspend_after_failures and most and mine.suspend_after_failures > most:
        judge.refuse("changeControl.standard.suspendAfterFailures", mine.suspend_after_failures, f"at most {most}")
    return StandardControl(
        catalogue=_counts("changeControl.standard.catalogue", mine.catalogue, base.catalogue, judge),
        suspend_after_failures=min((n for n in (mine.suspend_after_failures, most) if n), default=None),
    )


def _exit(mine: Exit | None, base: Exit | None, judge: _Judge) -> Exit | None:
    if mine is None or base is None:
        return mine or base
    checks = {check.name: check for check in (*base.verification, *mine.verification)}
    for check in base.verification:
        if checks[check.name] != check:
            judge.refuse(f"exit.verification[{check.name}]", "another check of that name", "the baseline's own")
    return Exit(
        verification=tuple(checks.values()),
        sign_offs=_counts("exit.signOffs", mine.sign_offs, base.sign_offs, judge),
    )


def _counts(
    name: str, mine: tuple[RoleCount, ...], base: tuple[RoleCount, ...], judge: _Judge
) -> tuple[RoleCount, ...]:
    """The roles of both, each with the larger count; a smaller one of ``mine`` is refused."""
    counts = {need.role: need.count for need in base}
    for need in mine:
        if need.count < counts.get(need.role, 0):
            judge.refuse(f"{name}[{need.role}].count", need.count, f"at least {counts[need.role]}")
        counts[need.role] = max(need.count, counts.get(need.role, 0))
    return tuple(RoleCount(role=role, count=count) for role, count in counts.items())


def _floor(spec: EnvironmentSpec, judge: _Judge) -> None:
    """What no Environment of the tier does without, whatever a baseline says."""
    signers = {need.role for need in (spec.exit.sign_offs if spec.exit else ())}
    for role in FLOOR_SIGN_OFFS.get(spec.tier, ()):
        if role not in signers:
            judge.refuse("exit.signOffs", sorted(signers) or "empty", f"at least one {role} in tier {spec.tier}")
    if spec.tier is Tier.SYSTEM_TEST and not (spec.exit and spec.exit.verification):
        judge.refuse("exit.verification", "empty", "at least one check in tier SystemTest")
    if spec.tier is not Tier.PRODUCTION and spec.data and DataClass.PRODUCTION in spec.data.allowed:
        judge.refuse("data.allowed", ", ".join(spec.data.allowed), "Synthetic and Anonymised below tier Production")
    if spec.entry and spec.entry.signed and spec.entry.trust is None:
        judge.refuse("entry.trust", "absent", "whose signatures count, for entry.signed asks for some")
    images = spec.entry.images.require if spec.entry and spec.entry.images else None
    if spec.tier.rank >= Tier.UAT.rank and images is not ImagePolicy.DIGEST:
        judge.refuse("entry.images.require", images or "absent", f"Digest in tier {spec.tier}")
    if spec.change_control is None and spec.tier is Tier.PRODUCTION:
        judge.refuse("changeControl", "absent", "approvals for normal changes in tier Production")
    if spec.change_control is not None and spec.change_control.normal is None:
        judge.refuse("changeControl.normal", "absent", "the approvals that a normal change needs")
    emergency = spec.change_control.emergency if spec.change_control else None
    severities = (emergency.severities or DEFAULT_SEVERITIES) if emergency else ()
    if spec.tier is Tier.PRODUCTION and set(severities) - set(DEFAULT_SEVERITIES):
        judge.refuse("changeControl.emergency.severities", ", ".join(severities), "Sev1 in tier Production")


def _graph(environment: Environment, upstream: tuple[str, ...], stack: Sequence[Environment], judge: _Judge) -> None:
    by_name = {e.metadata.name: e for e in stack}
    for name in upstream:
        found = by_name.get(name)
        if found is None:
            judge.refuse(
                "promotesFrom", name, f"an environment of this stack: {', '.join(sorted(by_name)) or 'none yet'}"
            )
        elif found.spec.tier.rank > environment.spec.tier.rank:
            judge.refuse("promotesFrom", f"{name} of tier {found.spec.tier}", f"tier {environment.spec.tier} or lower")
    cycle = _cycle(environment.metadata.name, by_name, stack)
    if cycle:
        judge.refuse("promotesFrom", f"a cycle, {' → '.join(cycle)}", "a way that ends")


def _cycle(start: str, by_name: Mapping[str, Environment], stack: Sequence[Environment]) -> tuple[str, ...]:
    """A way from ``start`` upstream back to itself, else empty."""
    ways: list[tuple[str, ...]] = [(start,)]
    seen: set[str] = set()
    while ways:
        way = ways.pop()
        environment = by_name.get(way[-1])
        for name in upstream_of(environment, stack) if environment else ():
            if name == start:
                return (*way, name)
            if name not in seen:
                seen.add(name)
                ways.append((*way, name))
    return ()


def _longest(first: str | None, second: str | None) -> str | None:
    return max((d for d in (first, second) if d), key=parse_duration, default=None)


def _united(first: Sequence[str], second: Sequence[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*first, *second)))
