"""``board``: what runs where, and what each open promotion waits for."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby

import click

from lockflight.api.common import Tier
from lockflight.api.environment import Environment, TargetStatus
from lockflight.api.promotion import Action, Phase, Promotion
from lockflight.api.release import Release
from lockflight.cli import output
from lockflight.cli.app import App, command_options, pass_app
from lockflight.cli.objects import list_all

_ACTIONS = {Action.ROLLBACK: " (rollback)", Action.REMOVE: " (removal)"}


@dataclass(frozen=True, slots=True)
class Moving:
    """An open promotion, with the application and version of its release where that still exists."""

    promotion: Promotion
    application: str | None
    version: str

    @property
    def environment(self) -> str:
        """Where it goes."""
        return self.promotion.spec.environment_ref.name

    @property
    def phase(self) -> str:
        """Its phase; Waiting where the operator has not seen it yet."""
        return (self.promotion.status.phase or Phase.WAITING).value


@dataclass(frozen=True, slots=True)
class Stack:
    """One namespace: its environments in their order, what runs in them, and what moves."""

    name: str
    environments: tuple[Environment, ...]
    moving: tuple[Moving, ...]
    releases: tuple[Release, ...]

    @property
    def applications(self) -> tuple[str, ...]:
        """Those that run, move, or have a release."""
        names = {t.application for e in self.environments for t in e.status.targets}
        names |= {m.application for m in self.moving if m.application}
        return tuple(sorted(names | {r.spec.application for r in self.releases}))


@click.command()
@click.option("-A", "--all-namespaces", is_flag=True, help="All stacks.")
@command_options
@pass_app
def board(app: App, *, all_namespaces: bool) -> None:
    """What runs where, and what each open promotion waits for.

    An arrow shows a version on its way in, a question mark one that awaits sign-off.
    """
    stacks = read(app, None if all_namespaces else app.namespace)
    if app.as_data:
        output.show_data(app, {"stacks": [_data(stack) for stack in stacks]})
        return
    if not stacks:
        output.note("no environments here: lockflight stack init NAME sets up a stack, -A shows all stacks")
    for index, stack in enumerate(stacks):
        if index:
            click.echo()
        if all_namespaces:
            output.heading(stack.name)
        _show(app, stack)


def read(app: App, namespace: str | None) -> tuple[Stack, ...]:
    """The stacks of a namespace (one or none); None: all stacks."""
    environments = list_all(app, Environment, namespace)
    releases = list_all(app, Release, namespace)
    promotions = list_all(app, Promotion, namespace)
    stacks = []
    for name, group in groupby(environments, key=lambda e: e.metadata.namespace):
        own = tuple(r for r in releases if r.metadata.namespace == name)
        by_name = {r.metadata.name: r for r in own}
        moving = tuple(
            _moving(p, by_name.get(p.spec.release_ref.name))
            for p in promotions
            if p.metadata.namespace == name and not (p.status.phase and p.status.phase.final)
        )
        stacks.append(Stack(name, ordered(group), moving, own))
    return tuple(stacks)


def ordered(environments: Iterable[Environment]) -> tuple[Environment, ...]:
    """Upstream first, by tier and by promotesFrom inside a tier, then by name; a cycle cannot confuse it."""
    rest = sorted(environments, key=lambda e: (e.spec.tier.rank, e.metadata.name))
    placed: list[Environment] = []
    while rest:
        waiting = {e.metadata.name for e in rest}
        ready = next((e for e in rest if not waiting & (set(e.spec.promotes_from or ()) - {e.metadata.name})), rest[0])
        rest.remove(ready)
        placed.append(ready)
    return tuple(placed)


def _moving(promotion: Promotion, release: Release | None) -> Moving:
    if release is None:
        return Moving(promotion, None, promotion.spec.release_ref.name)
    return Moving(promotion, release.spec.application, release.spec.version)


def _show(app: App, stack: Stack) -> None:
    headers = ["application", *(e.metadata.name for e in stack.environments)]
    rows = [[name, *(_cell(stack, e, name) for e in stack.environments)] for name in stack.applications]
    output.show_table(output.table(headers, rows))
    if not rows:
        output.note("no releases yet: lockflight release create makes one")
    if stack.moving:
        click.echo()
        output.show_table(
            output.table(
                ["open promotion", "environment", "phase", "age", "waits for"],
                [
                    (
                        m.promotion.metadata.name,
                        m.environment,
                        m.phase,
                        output.age(m.promotion.metadata.creation_timestamp, app.now()),
                        m.promotion.status.waits_for or "-",
                    )
                    for m in stack.moving
                ],
            )
        )


def _cell(stack: Stack, environment: Environment, application: str) -> str:
    runs = _target(environment, application)
    moving = [m for m in stack.moving if m.environment == environment.metadata.name and m.application == application]
    signing = any(runs and m.promotion.metadata.uid == runs.promotion_uid for m in moving)
    parts = [(runs.version + ("?" if signing else "")) if runs else "-"]
    parts += [
        f"→{m.version}" + _ACTIONS.get(m.promotion.spec.action, "")
        for m in moving
        if not (runs and m.promotion.metadata.uid == runs.promotion_uid)
    ]
    return " ".join(parts)


def _target(environment: Environment, application: str) -> TargetStatus | None:
    return next((t for t in environment.status.targets if t.application == application), None)


def _data(stack: Stack) -> dict[str, object]:
    return {
        "stack": stack.name,
        "environments": [
            {
                "name": e.metadata.name,
                "tier": Tier(e.spec.tier).value,
                "targets": [t.dump() for t in e.status.targets],
            }
            for e in stack.environments
        ],
        "applications": list(stack.applications),
        "promotions": [_promotion_data(m) for m in _sorted(stack.moving)],
    }


def _sorted(moving: Sequence[Moving]) -> list[Moving]:
    return sorted(moving, key=lambda m: m.promotion.metadata.name)


def _promotion_data(moving: Moving) -> dict[str, object]:
    status = moving.promotion.status
    return {
        "name": moving.promotion.metadata.name,
        "release": moving.promotion.spec.release_ref.name,
        "application": moving.application,
        "version": moving.version,
        "environment": moving.environment,
        "action": moving.promotion.spec.action.value,
        "phase": moving.phase,
        "waitsFor": status.waits_for,
        "closedGates": [g.dump() for g in status.gates if g.outcome.value in ("Waiting", "Denied")],
        "forecast": status.forecast.dump() if status.forecast else None,
    }
