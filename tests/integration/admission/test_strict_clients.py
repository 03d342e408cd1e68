"""Where nothing stamps (Kubernetes 1.30 to 1.35) clients send it all, and what they forge is refused."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import pytest

from lockflight.devcluster.providers import ClusterLike

from .attacks_governance import EDITS
from .conftest import SHIPPED, apply, await_policies
from .world import API, MERGE_PATCH, RefusedError, Thing, World, attempts, digest, entry

CREATOR, EDITORS = "lockflight.dev/creator", "lockflight.dev/editors"
STAMPS = "\n---\n".join(text for stem, text in SHIPPED.items() if stem.startswith("stamp"))
WHO = {"by": "alice", "groups": ["cab", "system:authenticated"]}
SEEN = {"generation": 1, "planDigest": digest("the plan")}


@pytest.fixture(scope="module")
def strict(cluster: ClusterLike, world: World) -> Iterator[World]:
    """The world without the stamping policies."""
    cluster.kubectl("delete", "-f", "-", stdin=STAMPS)
    for _ in attempts("nothing stamps any more"):
        try:
            create(world, "jo", dry_run=True)
        except RefusedError:
            break
    yield world
    apply(cluster, STAMPS)
    await_policies(world)


def create(
    world: World, who: str, plural: str = "changerequests", *, dry_run: bool = False, **annotations: str
) -> Thing:
    obj = world.manifest(plural)
    obj["metadata"]["annotations"] = {
        f"lockflight.dev/{key.replace('_', '-')}": value for key, value in annotations.items()
    }
    world.send(who, "POST", f"{API}/namespaces/{world.namespace}/{plural}{'?dryRun=All' * dry_run}", obj)
    return Thing(plural, world.namespace, obj["metadata"]["name"], "approvals")


def planned(world: World) -> Thing:
    thing = create(world, "jo", creator="jo")
    world.plan(thing)
    return thing


def test_a_client_that_sends_it_all_is_served(strict: World) -> None:
    change = planned(strict)
    sent = entry(**WHO, **SEEN)
    strict.add("alice", change, sent)
    assert strict.entries(change) == [sent]


@pytest.mark.parametrize(
    ("forged", "says"),
    [
        (SEEN, "by is who you are, alice, not (absent)"),
        (WHO | SEEN | {"by": "bob"}, "by is who you are, alice, not bob"),
        (SEEN | {"by": "alice"}, "groups are those you authenticated with: kubectl auth whoami"),
        (WHO | SEEN | {"groups": ["system:masters"]}, "groups are those you authenticated with"),
        (WHO | {"planDigest": digest("the plan")}, "you looked at generation 0; now it is 1"),
        (WHO | {"generation": 1}, "you looked at the plan (none); now it is sha256:"),
    ],
)
def test_what_is_missing_or_forged_in_an_entry_is_refused(strict: World, forged: dict[str, object], says: str) -> None:
    with pytest.raises(RefusedError) as refused:
        strict.add("alice", planned(strict), entry(**forged))
    assert says in refused.value.message


def test_a_creator_that_is_missing_or_forged_is_refused(strict: World) -> None:
    for annotations in ({}, {"creator": "somebody"}, {"creator": "jo", "editors": "alice"}):
        with pytest.raises(RefusedError, match="annotation lockflight"):
            create(strict, "jo", **annotations)


def test_an_edit_names_its_editor(strict: World) -> None:
    change = planned(strict)
    with pytest.raises(RefusedError, match="it must be 'joan'"):
        strict.send("joan", "PATCH", change.path, {"spec": {"title": "b"}}, MERGE_PATCH)
    body = {"spec": {"title": "b"}, "metadata": {"annotations": {EDITORS: "joan"}}}
    strict.send("joan", "PATCH", change.path, body, MERGE_PATCH)


@pytest.mark.parametrize("forged", [{CREATOR: None}, {CREATOR: "somebody"}, {EDITORS: "alice"}])
def test_stamps_cannot_be_rewritten(strict: World, forged: dict[str, str | None]) -> None:
    with pytest.raises(RefusedError, match="annotation lockflight"):
        strict.send("nosy", "PATCH", planned(strict).path, {"metadata": {"annotations": forged}}, MERGE_PATCH)


def test_what_the_operator_makes_needs_no_stamp(strict: World) -> None:
    promotion = strict.planned("promotions", who="operator")
    sent = entry("qa", by="quinn", groups=["qa", "system:authenticated"], **SEEN)
    strict.add("quinn", promotion, sent)
    assert strict.entries(promotion) == [sent]


@dataclass(frozen=True)
class Said:
    """A list, who appends to it, and what a client sends that is believed."""

    plural: str
    field: str
    who: str
    groups: tuple[str, ...]
    entry: dict[str, object]
    maker: str = "jo"
    phase: str = ""

    def thing(self, world: World) -> Thing:
        """Something to append to."""
        made = create(world, self.maker, self.plural, creator=self.maker)
        world.plan(made)
        if self.phase:
            world.observe(made, phase=self.phase)
        return replace(made, entries=self.field)

    def sent(self, **forged: object) -> dict[str, object]:
        """The whole entry; what is None is left out."""
        stamps = {"by": self.who, "groups": [*self.groups, "system:authenticated"], "generation": 1}
        seen = {"planDigest": SEEN["planDigest"]} if self.field == "approvals" else {}
        return {key: value for key, value in (self.entry | stamps | seen | forged).items() if value is not None}


LISTS = {
    "submissions": Said("changerequests", "submissions", "jo", ("developers",), {"role": "requester"}),
    "review": Said(
        "changerequests",
        "review",
        "alice",
        ("cab",),
        {"role": "cab", "outcome": "Successful", "summary": "fine"},
        phase="Review",
    ),
    "patterns": Said("standardchanges", "approvals", "alice", ("cab",), entry(), maker="gov"),
    "environments": Said("environments", "approvals", "alice", ("cab",), entry(), maker="gov"),
    "freezes": Said("freezewindows", "approvals", "bob", ("cab",), entry(), maker="alice"),
    "calendars": Said("releasecalendars", "approvals", "alice", ("cab",), entry(), maker="gov"),
}


@pytest.mark.parametrize("name", LISTS)
def test_every_list_takes_what_a_client_sends_in_full(strict: World, name: str) -> None:
    said = LISTS[name]
    thing = said.thing(strict)
    strict.append(said.who, thing, said.field, said.sent())
    assert strict.entries(thing) == [said.sent()]


@pytest.mark.parametrize("name", LISTS)
@pytest.mark.parametrize(
    ("forged", "says"),
    [
        ({"by": None}, "by is who you are"),
        ({"by": "requester"}, "by is who you are"),
        ({"groups": None}, "groups are those you authenticated with"),
        ({"groups": ["system:masters"]}, "groups are those you authenticated with"),
        ({"generation": None}, "you looked at generation 0; now it is 1"),
        ({"generation": 7}, "you looked at generation 7; now it is 1"),
    ],
)
def test_no_list_takes_what_is_missing_or_forged(
    strict: World, name: str, forged: dict[str, object], says: str
) -> None:
    said = LISTS[name]
    with pytest.raises(RefusedError) as refused:
        strict.append(said.who, said.thing(strict), said.field, said.sent(**forged))
    assert says in refused.value.message


@pytest.mark.parametrize("name", ["patterns", "environments", "freezes", "calendars"])
@pytest.mark.parametrize("digest_sent", [None, digest("another plan")])
def test_an_approval_of_a_rule_names_the_rule_that_was_seen(strict: World, name: str, digest_sent: str | None) -> None:
    said = LISTS[name]
    with pytest.raises(RefusedError, match="you looked at the plan"):
        strict.append(said.who, said.thing(strict), said.field, said.sent(planDigest=digest_sent))


@pytest.mark.parametrize("plural", ["standardchanges", "environments", "freezewindows", "releasecalendars"])
def test_a_rule_that_names_its_creator_names_its_editors_too(strict: World, plural: str) -> None:
    for annotations in ({"creator": "somebody"}, {"creator": "gov", "editors": "alice"}, {"editors": "alice"}):
        with pytest.raises(RefusedError, match="annotation lockflight"):
            create(strict, "gov", plural, **annotations)
    made = create(strict, "gov", plural, creator="gov")
    with pytest.raises(RefusedError, match="it must be 'maker'"):
        strict.send("maker", "PATCH", made.path, {"spec": EDITS[plural]}, MERGE_PATCH)
    body = {"spec": EDITS[plural], "metadata": {"annotations": {EDITORS: "maker"}}}
    strict.send("maker", "PATCH", made.path, body, MERGE_PATCH)


def test_a_pattern_names_its_creator(strict: World) -> None:
    with pytest.raises(RefusedError, match="annotation lockflight"):
        create(strict, "gov", "standardchanges")


@pytest.mark.parametrize("plural", ["environments", "freezewindows", "releasecalendars"])
def test_a_rule_that_names_nobody_as_helm_installs_it_is_approved_by_nobody(strict: World, plural: str) -> None:
    made = create(strict, "gov", plural)
    strict.send("maker", "PATCH", made.path, {"spec": EDITS[plural]}, MERGE_PATCH)
    strict.plan(made, generation=2)
    sent = entry(**WHO, generation=2, planDigest=digest("the plan"))
    with pytest.raises(RefusedError, match="nobody knows who created this"):
        strict.add("alice", made, sent)
    for forged in ({CREATOR: "gov"}, {EDITORS: "nosy"}):
        with pytest.raises(RefusedError, match="annotation lockflight"):
            strict.send("nosy", "PATCH", made.path, {"metadata": {"annotations": forged}}, MERGE_PATCH)


HANDS_OVER = {"creator": "alice", "creator_groups": "cab\nsystem:authenticated"}


def test_a_delegation_names_who_hands_over_and_their_groups(strict: World) -> None:
    for annotations in ({}, {"creator": "alice"}, {**HANDS_OVER, "creator_groups": "system:masters"}):
        with pytest.raises(RefusedError, match="annotation lockflight"):
            create(strict, "alice", "delegations", **annotations)
    made = create(strict, "alice", "delegations", **HANDS_OVER)
    forged = {"metadata": {"annotations": {"lockflight.dev/creator-groups": "system:masters"}}}
    with pytest.raises(RefusedError, match="annotation lockflight"):
        strict.send("nosy", "PATCH", made.path, forged, MERGE_PATCH)


def test_a_deputys_word_is_sent_in_full_too(strict: World) -> None:
    change = planned(strict)
    groups = ["deputies", "system:authenticated"]
    strict.add("dan", change, entry(by="dan", groups=groups, onBehalfOf="alice", **SEEN))
    with pytest.raises(RefusedError, match="by is who you are, dan, not alice"):
        strict.add("dan", change, entry(by="alice", groups=groups, onBehalfOf="alice", **SEEN))
