"""``cab``: the change advisory board's meeting: what is to be decided, deciding it, and what was decided."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import click

from lockflight.api.changerequest import Approval, ChangePhase, ChangeRequest
from lockflight.cli import output
from lockflight.cli.app import App, command_options, pass_app
from lockflight.cli.approve import decide
from lockflight.cli.deciding import behalf_option, comment_option, role_option, yes_option
from lockflight.cli.objects import list_all
from lockflight.cli.selector import Selector, selector_option
from lockflight.policy.debts import owes_ratification

_TO_DECIDE = (None, ChangePhase.NEW, ChangePhase.ASSESS, ChangePhase.AUTHORIZE, ChangePhase.ON_HOLD)


@click.group()
def cab() -> None:
    """The change board's meeting: agenda, decisions, minutes."""


def _meeting(function: Callable[..., Any]) -> Callable[..., Any]:
    return click.option(
        "--meeting",
        type=click.DateTime(["%Y-%m-%d"]),
        metavar="DATE",
        help="The day of the meeting, such as 2026-12-01. [default: today]",
    )(function)


@cab.command()
@_meeting
@selector_option
@click.option("-A", "--all-namespaces", is_flag=True, help="All stacks.")
@command_options
@pass_app
def agenda(app: App, *, meeting: datetime | None, selector: Selector, all_namespaces: bool) -> None:
    """What the board has to decide: each change with its plan, risk and schedule.

    Changes raised by the day of the meeting, not decided yet, whose schedule is not over by then.
    """
    changes = _to_decide(app, _day(app, meeting), selector, None if all_namespaces else app.namespace)
    if app.as_data:
        output.show_data(app, {"changes": [_item(change) for change in changes]})
        return
    if not changes:
        output.note("nothing to decide")
        return
    rows = [
        (
            change.metadata.namespace,
            change.metadata.name,
            change.spec.type.value,
            _what(change),
            _risk(change),
            change.status.approvals_summary or "-",
            output.when(change.spec.schedule.start) if change.spec.schedule else "any time",
            change.status.waits_for or "-",
        )
        for change in changes
    ]
    output.show_table(
        output.table(["stack", "change", "type", "what", "risk", "approvals", "schedule", "waits for"], rows)
    )
    output.note("in detail: lockflight diff CHANGE; all of them: lockflight cab approve --role ROLE")


@cab.command()
@_meeting
@selector_option
@click.option("--except", "left_out", multiple=True, metavar="CHANGE", help="Not this one; repeat.")
@role_option
@comment_option
@behalf_option
@yes_option
@command_options
@pass_app
def approve(
    app: App,
    *,
    meeting: datetime | None,
    selector: Selector,
    left_out: Sequence[str],
    role: str,
    comment: str | None,
    on_behalf_of: str | None,
    yes: bool,
) -> None:
    """Approve what is on the agenda, but for the exceptions: shown and asked one by one, one entry each.

    Each approval binds to the plan that was shown for its change.
    """
    changes = _to_decide(app, _day(app, meeting), selector, app.namespace)
    unknown = sorted(set(left_out) - {change.metadata.name for change in changes})
    if unknown:
        # A slip of the pen here approves what should have been left out.
        msg = f"--except {', '.join(unknown)}: not on the agenda, which has {_names(changes) or 'nothing'}"
        raise click.UsageError(msg)
    ripe = [
        change
        for change in changes
        if (change.status.phase in (ChangePhase.AUTHORIZE, ChangePhase.ON_HOLD) or owes_ratification(change))
        and change.metadata.name not in left_out
    ]
    for change in changes:
        if change not in ripe and change.metadata.name not in left_out:
            output.note(
                f"{change.metadata.name}: not ready to be decided: {change.status.waits_for or 'not looked at'}"
            )
    if not ripe:
        output.note("nothing to approve")
        return
    decide(app, [change.metadata.name for change in ripe], role, "Approved", comment, on_behalf_of, yes=yes)


@dataclass(frozen=True, slots=True)
class Decision:
    """One entry of a change, and when the operator first saw it."""

    change: ChangeRequest
    entry: Approval
    at: datetime


@cab.command()
@_meeting
@selector_option
@click.option("-A", "--all-namespaces", is_flag=True, help="All stacks.")
@command_options
@pass_app
def minutes(app: App, *, meeting: datetime | None, selector: Selector, all_namespaces: bool) -> None:
    """What was decided on a day, by whom and on which plan, as Markdown."""
    day = _day(app, meeting)
    found = sorted(_decisions(app, day, selector, None if all_namespaces else app.namespace), key=lambda d: d.at)
    if app.as_data:
        output.show_data(app, {"decisions": [_minute(decision) for decision in found]})
        return
    output.line(f"# Change advisory board, {day:%Y-%m-%d}")
    if not found:
        output.line("")
        output.line("No decision was written down on this day.")
    for change in dict.fromkeys(f"{d.change.metadata.namespace}/{d.change.metadata.name}" for d in found):
        of_this = [d for d in found if f"{d.change.metadata.namespace}/{d.change.metadata.name}" == change]
        _print_minutes(of_this[0].change, of_this)


def _print_minutes(change: ChangeRequest, decisions: Sequence[Decision]) -> None:
    spec, status = change.spec, change.status
    output.line("")
    output.line(f"## {change.metadata.namespace}/{change.metadata.name}: {spec.title}")
    output.line("")
    output.line(f"- {spec.type.value} change for {_what(change)}; risk {_risk(change)}")
    refs = ", ".join(f"{ref.system} {ref.id}" for ref in spec.external_refs)
    if refs:
        output.line(f"- also known as {refs}")
    for decision in decisions:
        entry = decision.entry
        named = f" for {entry.on_behalf_of}" if entry.on_behalf_of else ""
        comment = f': "{entry.comment}"' if entry.comment else ""
        output.line(
            f"- {entry.decision} as {entry.role} by {entry.by or '?'}{named}, seen {output.when(decision.at)}, "
            f"plan {output.short(entry.plan_digest)}{comment}"
        )
    output.line(f"- now: {status.phase.value if status.phase else 'New'}, {status.approvals_summary or 'no approvals'}")


def _to_decide(app: App, day: date, selector: Selector, namespace: str | None) -> list[ChangeRequest]:
    def meant(change: ChangeRequest) -> bool:
        raised, schedule = change.metadata.creation_timestamp, change.spec.schedule
        return (
            (
                owes_ratification(change)
                or (change.status.phase in _TO_DECIDE and (schedule is None or schedule.end.astimezone().date() >= day))
            )
            and (raised is None or raised.astimezone().date() <= day)
            and selector.matches(change.metadata.labels)
        )

    return [change for change in list_all(app, ChangeRequest, namespace) if meant(change)]


def _decisions(app: App, day: date, selector: Selector, namespace: str | None) -> Iterator[Decision]:
    for change in list_all(app, ChangeRequest, namespace):
        if not selector.matches(change.metadata.labels):
            continue
        for seen in change.status.observed:
            if seen.index < len(change.status.approvals) and seen.at.astimezone().date() == day:
                yield Decision(change, change.status.approvals[seen.index], seen.at)


def _day(app: App, meeting: datetime | None) -> date:
    return meeting.date() if meeting else app.now().astimezone().date()


def _what(change: ChangeRequest) -> str:
    activity = change.spec.activity
    if activity is not None:
        return f"{activity.kind.value} in {', '.join(change.spec.environments)}"
    rows = ", ".join(f"{row.stack}/{row.name}" for row in change.spec.releases or ())
    return f"{rows or change.spec.release} into {', '.join(change.spec.environments)}"


def _risk(change: ChangeRequest) -> str:
    return change.status.risk.effective.value if change.status.risk else "-"


def _names(changes: Sequence[ChangeRequest]) -> str:
    return ", ".join(change.metadata.name for change in changes)


def _item(change: ChangeRequest) -> dict[str, object]:
    return {
        "namespace": change.metadata.namespace,
        "name": change.metadata.name,
        "title": change.spec.title,
        "type": change.spec.type.value,
        "release": change.spec.release,
        "activity": change.spec.activity.dump() if change.spec.activity else None,
        "environments": list(change.spec.environments),
        "risk": change.status.risk.dump() if change.status.risk else None,
        "approvals": change.status.approvals_summary,
        "planDigest": change.status.plan_digest,
        "plans": [plan.dump() for plan in change.status.plans],
        "schedule": change.spec.schedule.dump() if change.spec.schedule else None,
        "externalRefs": [ref.dump() for ref in change.spec.external_refs],
        "phase": change.status.phase.value if change.status.phase else None,
        "waitsFor": change.status.waits_for,
    }


def _minute(decision: Decision) -> dict[str, object]:
    meta = decision.change.metadata
    return {
        "namespace": meta.namespace,
        "change": meta.name,
        "at": f"{decision.at:%Y-%m-%dT%H:%M:%SZ}",
        **decision.entry.dump(),
    }
