"""``why``: every gate of a promotion in plain words."""

from collections.abc import Sequence

import click

from lockflight.api import reasons
from lockflight.api.conditions import find
from lockflight.api.promotion import Action, GateStatus, Outcome, Phase, Promotion
from lockflight.cli import output
from lockflight.cli.advice import next_step
from lockflight.cli.app import App, command_options, pass_app
from lockflight.cli.names import promotion_argument
from lockflight.cli.objects import get
from lockflight.policy.external import open_step

_MARKS = {Outcome.PASSED: "✓", Outcome.NOT_APPLICABLE: "·", Outcome.WAITING: "…", Outcome.DENIED: "✗"}
_COLOURS = {Outcome.PASSED: "green", Outcome.NOT_APPLICABLE: None, Outcome.WAITING: "yellow", Outcome.DENIED: "red"}
_LOG_LINES = 10
_ORDER = (Outcome.DENIED, Outcome.WAITING, Outcome.PASSED, Outcome.NOT_APPLICABLE)


@click.command()
@promotion_argument
@command_options
@pass_app
def why(app: App, promotion: str) -> None:
    """Every gate of a promotion in plain words, closed ones first.

    Each closed gate comes with what to do next, and with when it is looked at again where time alone may open it.
    """
    found = get(app, Promotion, promotion)
    if app.as_data:
        output.show_data(app, _data(found))
        return
    _headline(found)
    _progress(found)
    _logs(found)
    _gates(found)
    _forecast(found)


def sorted_gates(gates: Sequence[GateStatus]) -> list[GateStatus]:
    """Denied, then waiting, then open ones; each in the order of the gates."""
    return sorted(gates, key=lambda g: _ORDER.index(g.outcome))


def closed(gate: GateStatus) -> bool:
    """The gate keeps the promotion."""
    return gate.outcome in (Outcome.WAITING, Outcome.DENIED)


def _headline(promotion: Promotion) -> None:
    spec, status = promotion.spec, promotion.status
    phase = status.phase or Phase.WAITING
    output.heading(f"{promotion.metadata.name}: {phase.value}")
    way = "from" if spec.action is Action.REMOVE else "to"
    output.line(f"{spec.action.value} {spec.release_ref.name} {way} {spec.environment_ref.name}", 2)
    change = status.change or (spec.change_request_ref.name if spec.change_request_ref else None)
    if change:
        output.line(f"under change {change}", 2)
    summary = find(status.conditions, reasons.SUCCEEDED)
    if summary is None:
        output.line("the operator has not looked at it yet: is it running? kubectl get pods -n lockflight-system", 2)
    elif summary.message:
        output.line(summary.message, 2)
    open_ = open_step(status.steps) is not None or phase is Phase.AWAITING_VERIFICATION
    if open_ and status.waits_for:
        output.line(f"waits for: {status.waits_for}", 2)
    if phase is Phase.AWAITING_SIGN_OFF:
        output.line(f"next: lockflight sign-off {promotion.metadata.name} --role ROLE", 2)


def _progress(promotion: Promotion) -> None:
    """What has been done, once something has."""
    status = promotion.status
    if status.execution is None:
        return
    rows = [(c.helm_release, c.state, str(c.revision or "-"), c.message) for c in status.components]
    rows += [(f"step {s.name}", s.state, "-", s.message or f"{s.role} says how it goes") for s in status.steps]
    rows += [
        (f"verification {v.name}", v.state, "-", v.message or (f"{v.role} says how it goes" if v.role else ""))
        for v in status.verification
    ]
    rows += [
        (f"sign-off {s.role}", s.decision, "-", f"{s.by or '?'}{': ' + s.comment if s.comment else ''}")
        for s in status.sign_offs
    ]
    click.echo()
    output.show_table(output.table(["what", "state", "revision", "message"], rows))


def _logs(promotion: Promotion) -> None:
    """The end of what checks that failed wrote."""
    for row in promotion.status.verification:
        if row.state == "Failed" and row.log:
            click.echo()
            output.heading(f"Log of verification {row.name}")
            for text in row.log.splitlines()[-_LOG_LINES:]:
                output.line(text, 2)


def _gates(promotion: Promotion) -> None:
    gates = sorted_gates(promotion.status.gates)
    # After the start the gates are history; before it they are the answer.
    for title, rows in (
        ("Closed", [g for g in gates if closed(g)]),
        ("Open", [g for g in gates if not closed(g)]),
    ):
        if rows:
            click.echo()
            output.heading(title)
        for gate in rows:
            _gate(promotion, gate)


def _gate(promotion: Promotion, gate: GateStatus) -> None:
    mark = click.style(_MARKS[gate.outcome], fg=_COLOURS[gate.outcome])
    reason = "" if gate.reason == gate.outcome.value else f" {gate.reason}"
    message = f": {gate.message}" if gate.message else ""
    click.echo(f"  {mark} {output.one_line(f'{gate.name}{reason}{message}')}")
    if not closed(gate):
        return
    step = next_step(gate, promotion)
    if step:
        output.line(f"next: {step}", 6)
    if gate.retry_at:
        output.line(f"looked at again: {output.when(gate.retry_at)}", 6)


def _forecast(promotion: Promotion) -> None:
    forecast = promotion.status.forecast
    if forecast is None:
        return
    if forecast.waiting_for or forecast.earliest_start:
        click.echo()
        output.heading("Forecast")
    for row in forecast.waiting_for:
        output.line(f"waits for {row.who}: {row.what}", 2)
    if forecast.earliest_start:
        output.line(f"earliest start: {output.when(forecast.earliest_start)}", 2)


def _data(promotion: Promotion) -> dict[str, object]:
    status = promotion.status
    return {
        "promotion": promotion.metadata.name,
        "release": promotion.spec.release_ref.name,
        "environment": promotion.spec.environment_ref.name,
        "action": promotion.spec.action.value,
        "phase": (status.phase or Phase.WAITING).value,
        "waitsFor": status.waits_for,
        "change": status.change,
        "gates": [
            {**g.dump(), **({"next": step} if closed(g) and (step := next_step(g, promotion)) else {})}
            for g in sorted_gates(status.gates)
        ],
        "forecast": status.forecast.dump() if status.forecast else None,
        "components": [c.dump() for c in status.components],
        "steps": [s.dump() for s in status.steps],
        "verification": [v.dump() for v in status.verification],
        "signOffs": [s.dump() for s in status.sign_offs],
        "history": [h.dump() for h in status.history],
    }
