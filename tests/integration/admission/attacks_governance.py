"""The attempts on rules that governance approves: on their approvals, and on what is there to escape them."""

from collections.abc import Callable

from .world import MERGE_PATCH, Thing, World, digest, entry

Act = Callable[[World, str], object]
Tries = tuple[tuple[str, str, Act], ...]

BOARD = {"approvals": [{"role": "cab", "count": 2}]}
EDITS = {
    "environments": {"soak": "1h"},
    "freezewindows": {"reason": "Year end, again"},
    "releasecalendars": {"timeZone": "Europe/Berlin"},
    "standardchanges": {"title": "More"},
}
"""An edit of each rule object."""


def rule(world: World, plural: str = "environments", who: str = "admin") -> Thing:
    """A rule object that can be approved as it is."""
    return world.planned(plural, who=who)


def edited(world: World, plural: str = "environments", who: str = "gov", made_by: str = "admin") -> Thing:
    """A rule object after an edit that the operator has seen."""
    thing = rule(world, plural, made_by)
    world.send(who, "PATCH", thing.path, {"spec": EDITS[plural]}, MERGE_PATCH)
    world.plan(thing, "another plan", generation=2)
    return thing


def _approve(plural: str = "environments", made_by: str = "", **more: object) -> Act:
    return lambda world, who: world.add(who, rule(world, plural, made_by or "admin"), entry(**more))


def _own(plural: str) -> Act:
    return lambda world, who: world.add(who, rule(world, plural, who), entry())


def _own_edit(plural: str) -> Act:
    return lambda world, who: world.add(who, edited(world, plural, who), entry())


def _after_an_edit(**seen: object) -> Act:
    return lambda world, who: world.add(who, edited(world), entry(**seen))


def _while_unseen(world: World, who: str) -> None:
    thing = rule(world)
    world.send("gov", "PATCH", thing.path, {"spec": EDITS["environments"]}, MERGE_PATCH)
    world.add(who, thing, entry())


def _turn(world: World, who: str) -> None:
    thing = rule(world)
    world.add("alice", thing, entry(decision="Rejected"))
    operation = {"op": "replace", "path": "/status/approvals/0/decision", "value": "Approved"}
    world.send(who, "PATCH", thing.status, [operation], "application/json-patch+json")


def _status(plural: str, **status: object) -> Act:
    return lambda world, who: world.send(who, "PATCH", rule(world, plural).status, {"status": status}, MERGE_PATCH)


def _delete(plural: str, **status: object) -> Act:
    def act(world: World, who: str) -> None:
        thing = rule(world, plural)
        world.observe(thing, governance=BOARD, **status)
        world.send(who, "DELETE", thing.path)

    return act


_ENVIRONMENTS: dict[str, Tries] = {
    "four eyes": (
        ("a governor approves the environment of their own making", "maker", _own("environments")),
        ("a governor approves their own edit of an environment", "maker", _own_edit("environments")),
    ),
    "so somebody else approves the rules that bind them": (
        ("whoever may create releases approves an environment", "joan", _approve()),
    ),
    "you may not approve as": (
        ("approving an environment without the right", "nosy", _approve()),
        ("approving an environment as another role", "alice", _approve(role="ecab")),
    ),
    "by a wildcard, as cluster administrators do": (
        ("cluster-admin by binding approves an environment", "super", _approve()),
        ("system:masters approves an environment", "admin", _approve(made_by="gov")),
    ),
    "a service account does not approve": (("a robot approves an environment", "robot", _approve()),),
    "there is no plan yet": (("approving an environment before the operator saw its edit", "alice", _while_unseen),),
    "you looked at generation": (("using an approval again after an edit", "alice", _after_an_edit(generation=1)),),
    "you looked at the plan": (
        ("approving an environment as it was", "alice", _after_an_edit(planDigest=digest("the plan"))),
    ),
    "entries are never changed, moved or removed": (("turning a rejection of an environment", "bob", _turn),),
    "status.approvals belongs to people": (("the operator approves an environment", "operator", _approve()),),
    "in status people write only": (
        ("an environment declared empty", "admin", _status("environments", targets=[], observedGeneration=9)),
        ("governance declared gone", "alice", _status("environments", governance=None, planDigest=None)),
    ),
}
_FREEZES: dict[str, Tries] = {
    "four eyes": (
        ("who declared a freeze approves it", "alice", _own("freezewindows")),
        ("who edited a freeze approves that", "maker", _own_edit("freezewindows")),
    ),
    "so somebody else approves the rules that bind them": (
        ("whoever may create releases approves a freeze", "joan", _approve("freezewindows")),
    ),
    "in status people write only": (
        ("a freeze declared over", "nosy", _status("freezewindows", phase="Ended")),
        ("a lifting declared approved", "nosy", _status("freezewindows", liftedAt="2030-12-19T00:00:00Z")),
    ),
}
_CALENDARS: dict[str, Tries] = {
    "four eyes": (("a governor approves their own edit of a calendar", "maker", _own_edit("releasecalendars")),),
    "so somebody else approves the rules that bind them": (
        ("whoever may create releases approves a calendar", "joan", _approve("releasecalendars")),
    ),
    "in status people write only": (("another train", "nosy", _status("releasecalendars", train="2030.99")),),
}
_ESCAPES: dict[str, Tries] = {
    "take spec.governance out of ": (
        ("deleting the baseline that asks for approvals", "gov", _delete("environments")),
        ("system:masters deletes the baseline that asks for approvals", "admin", _delete("environments")),
    ),
    "have that approved, then ": (
        ("deleting a freeze that may still hold", "gov", _delete("freezewindows", phase="Active")),
        ("deleting a freeze whose shortening nobody approved", "gov", _delete("freezewindows", phase="Ended")),
    ),
}


def _reads(world: World, who: str, **more: object) -> None:
    source = {"kind": "Secret", "name": "passwords", "key": "values.yaml"}
    world.make("environments", who, valuesFrom=[source], **more)


def _comes_to_read(world: World, who: str) -> None:
    thing = world.make("environments", who)
    sources = [{"kind": "ConfigMap", "name": "settings"}, {"kind": "Secret", "name": "passwords"}]
    world.send(who, "PATCH", thing.path, {"spec": {"valuesFrom": sources}}, MERGE_PATCH)


_SECRETS: dict[str, Tries] = {
    "which you may not read": (
        ("an environment that reads a Secret which its author may not", "gov", _reads),
        ("an environment that comes to read such a Secret", "gov", _comes_to_read),
    ),
}
POLICIES = {
    "values-from": _SECRETS,
    "people-environments-approvals": _ENVIRONMENTS,
    "people-freezewindows-approvals": _FREEZES,
    "people-releasecalendars-approvals": _CALENDARS,
    "governance": _ESCAPES,
}
