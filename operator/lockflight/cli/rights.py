"""``rights``: who may do what in a stack, asked of the API server itself."""

import click

from lockflight.api.kinds import ENVIRONMENT, FREEZE_WINDOW
from lockflight.cli import output
from lockflight.cli.app import App, command_options, pass_app
from lockflight.cli.auditing import root_option
from lockflight.cli.errors import CliError
from lockflight.cli.holders import WILDCARDS, Held, Right, Subject, findings, rights, subjects

_RBAC = "/apis/rbac.authorization.k8s.io/v1"


@click.command("rights")
@click.option(
    "--as-group", "groups", metavar="GROUP", multiple=True, help="With --as: a group that USER is in; repeatable."
)
@root_option
@command_options
@pass_app
def show_rights(app: App, *, groups: tuple[str, ...], root: str) -> None:
    """Who may do what in a stack.

    Reads RBAC for whom it names, and asks the API server what each may do. With --as only that user is asked for, in
    the groups that you give: the cluster does not know who is in which. Below the table stands what is wrong:
    wildcards, people who both create and approve, roles that nobody holds.

    Takes the rights of an auditor.
    """
    # --as is whom to ask about, here, and not whom to ask as.
    user, app.impersonate = app.impersonate, None
    if groups and not user:
        msg = "--as-group says in which groups the user of --as is: give --as"
        raise click.UsageError(msg)
    stack = app.namespace
    roles = {
        **{("ClusterRole", role["metadata"]["name"]): role for role in app.api.items(f"{_RBAC}/clusterroles")},
        **{("Role", role["metadata"]["name"]): role for role in app.api.items(f"{_RBAC}/namespaces/{stack}/roles")},
    }
    bindings = [
        *app.api.items(f"{_RBAC}/clusterrolebindings"),
        *app.api.items(f"{_RBAC}/namespaces/{stack}/rolebindings"),
    ]
    held_there = _in_root(app, root) if root != stack else ()
    rules = [*app.api.list(ENVIRONMENT, stack), *app.api.list(FREEZE_WINDOW, stack)]
    bound = {
        str(target["namespace"]) for rule in rules for target in rule.get("status", {}).get("targets") or () if target
    }
    there = rights(roles.values(), rules, bound, stack)
    asked = (Subject("User", user),) if user else tuple(sorted({*subjects(bindings, roles), *held_there}))
    held = [_ask(app, subject, (*subject.groups, *groups), there, root) for subject in asked]
    held = [one for one in held if user or one.rights or one.wildcard]
    wrong = list(findings(held, rules if not user else [], stack))
    if app.as_data:
        output.show_data(app, {"stack": stack, "subjects": [_data(one) for one in held], "findings": wrong})
        return
    rows = [(one.subject.kind, one.subject.name, _cell(one)) for one in held]
    output.show_table(output.table(["kind", "name", "may"], rows))
    for text in wrong:
        output.note(f"! {text}")


def _in_root(app: App, root: str) -> tuple[Subject, ...]:
    """Whom the operator's namespace gives anything: rights on audit records are held there."""
    try:
        found, bindings = (app.api.items(f"{_RBAC}/namespaces/{root}/{plural}") for plural in ("roles", "rolebindings"))
    except CliError as problem:
        output.note(f"! who may hold audit records is not known: {problem}")
        return ()
    roles = {
        ("Role", role["metadata"]["name"]): role
        for role in found
        if any("auditrecords" in (rule.get("resources") or ()) for rule in role.get("rules") or ())
    }
    return subjects(bindings, roles)


def _ask(app: App, subject: Subject, groups: tuple[str, ...], there: tuple[Right, ...], root: str) -> Held:
    def may(right: Right) -> bool:
        namespace = root if right.in_root else app.namespace if right.namespaced else ""
        return app.api.may(subject.user, groups, right.verb, right.resource, namespace, right.name)

    return Held(subject, tuple(right for right in there if may(right)), any(may(canary) for canary in WILDCARDS))


def _cell(one: Held) -> str:
    if one.wildcard:
        return "everything, by a wildcard, but approve and sign off"
    return ", ".join(str(right) for right in one.rights) or "nothing"


def _data(one: Held) -> dict[str, object]:
    return {
        "kind": one.subject.kind,
        "name": one.subject.name,
        "wildcard": one.wildcard,
        "rights": [{"verb": r.verb, "resource": r.resource, "name": r.name or None} for r in one.rights],
    }
