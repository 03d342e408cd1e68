"""Where nothing stamps (Kubernetes 1.30 to 1.35) clients send it all, and what they forge is refused."""

from collections.abc import Iterator

import pytest

from lockflight.devcluster.providers import ClusterLike

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


def create(world: World, who: str, *, dry_run: bool = False, **annotations: str) -> Thing:
    obj = world.manifest("changerequests")
    obj["metadata"]["annotations"] = {f"lockflight.dev/{key}": value for key, value in annotations.items()}
    world.send(who, "POST", f"{API}/namespaces/{world.namespace}/changerequests{'?dryRun=All' * dry_run}", obj)
    return Thing("changerequests", world.namespace, obj["metadata"]["name"], "approvals")


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
