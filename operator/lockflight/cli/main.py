"""The entry point of ``lockflight`` and ``kubectl lockflight``."""

import sys
from pathlib import Path

import click

from lockflight.cli.app import global_options
from lockflight.cli.errors import EXIT_CODES
from lockflight.cli.lazy import Entry, LazyGroup


def _own(module: str, attribute: str, text: str) -> Entry:
    return Entry(f"lockflight.cli.{module}", attribute, text)


ENTRIES = {
    "board": _own("board", "board", "What runs where, and what each open promotion waits for."),
    "why": _own("why", "why", "Every gate of a promotion in plain words, closed ones first."),
    "release": _own("release", "release", "Create a release."),
    "plan": _own("plan", "plan", "When a release could start in an environment, who is next, and the whole way there."),
    "promote": _own("promote", "promote", "Bring a release into an environment."),
    "emergency": _own(
        "emergency", "emergency", "Because of an incident, go back or bring a release: all in one command."
    ),
    "rollback": _own(
        "leaving", "rollback", "Take an application in an environment back to a release that ran there, verified."
    ),
    "remove": _own(
        "leaving",
        "remove",
        "Remove an application from an environment: its Helm releases are uninstalled, with their history.",
    ),
    "abort": _own("promote", "abort", "Abort a promotion; what has begun is taken back."),
    "change": _own("change", "change", "Raise a change, and see it through its life."),
    "wait": _own("wait", "wait", "Wait until a change may be carried out, as a pipeline does."),
    "diff": _own("diff", "diff", "What exactly a change would change: what is being approved."),
    "approve": _own("approve", "approve", "Approve changes."),
    "reject": _own("approve", "reject", "Reject changes; a rejection is final."),
    "withdraw": _own("approve", "withdraw", "Take back your approval of changes."),
    "rule": _own(
        "rule",
        "rule",
        "Approve the rules themselves: environments, calendars, edited freezes, patterns of standard changes.",
    ),
    "cab": _own("cab", "cab", "The change board's meeting: agenda, decisions, minutes."),
    "delegate": _own("delegate", "delegate", "Let a deputy decide for you in a role, for a time."),
    "attest": _own(
        "attest",
        "attest",
        "Attest evidence on a release; or, with STEP, say how a step or a verification of others went.",
    ),
    "sign-off": _own("signoff", "sign_off", "Sign off what a promotion deployed, or reject it."),
    "values": _own("values", "values", "Where every value of a release in an environment comes from."),
    "compare": _own("compare", "compare", "How two environments differ, in what runs and in values."),
    "drift": _own("drift", "drift", "What runs and was not promoted so: look at it, and settle it."),
    "freeze": _own("freeze", "freeze", "Declare and lift freezes."),
    "guard": _own("guard", "guard", "Guarded namespaces: who would be refused, and breaking the glass."),
    "calendar": _own(
        "calendar",
        "calendar",
        "A month of trains, CAB meetings, change windows, freezes, critical dates and planned changes.",
    ),
    "report": _own("report", "report", "Figures and documents out of what happened."),
    "verify": _own("verify", "verify", "Verifications of what was deployed."),
    "env": _own("env", "env", "Environments: what goes in, what comes out, who has access there."),
    "hold": _own(
        "hold",
        "hold",
        "Keep a release, or all that moves in an environment, from going on.",
    ),
    "unhold": _own("hold", "unhold", "Let a held release, or what is held in an environment, go on."),
    "rights": _own("rights", "show_rights", "Who may do what in a stack."),
    "audit": _own("audit", "audit", "Verify the audit trail, and ask it."),
    "adopt": _own("adopt", "adopt", "Draft a Release and an Environment for Helm releases that are there already."),
    "stack": _own("stack", "stack", "Set up stacks: a namespace with its chain of environments."),
    "dev": _own(
        "dev", "dev", "A Kubernetes control plane on this machine: no container, no root, nothing but loopback."
    ),
    "demo": _own("demo", "demo", "Tell the story of a release on its way to production, on a real API server."),
    "completion": _own("completion", "completion", "Print the script that completes commands in your shell."),
}

_EPILOG = "Exit codes: " + "; ".join(f"{code} {text}" for code, text in EXIT_CODES) + "."


@click.group(cls=LazyGroup, entries=ENTRIES, epilog=_EPILOG, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="lockflight", prog_name="lockflight")
@global_options
def cli() -> None:
    """Carry releases through gated environments to production.

    Everything is done as you: with your kubeconfig, under your rights.
    """


def main() -> None:
    """Run the command; the name shown is the one it was called by."""
    called = Path(sys.argv[0]).stem
    name = "kubectl lockflight" if called.replace("_", "-") == "kubectl-lockflight" else "lockflight"
    cli.main(prog_name=name, complete_var="_LOCKFLIGHT_COMPLETE")


if __name__ == "__main__":
    main()
