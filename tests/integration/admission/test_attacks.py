"""Each attempt is refused by the rule that is there for it, in words that say what to do."""

import pytest

from .attacks import ATTACKS, Attack
from .world import RefusedError, World, entry

# Where the message has branches, what this very attempt must read.
BRANCHES = {
    "deleting a change that is being implemented": "this change is being implemented or reviewed",
    "system:masters deletes a release that runs": "this release runs somewhere or is being promoted",
    "deleting all at once": "this release runs somewhere or is being promoted",
    "lifting a freeze without the right": "you may not lift this freeze: ask for verb lift on freezewindows/",
    "the board shortens a freeze": "to end a freeze before its time, lift it: spec.lift.reason",
    "another role": "you may not approve as 'ecab': ask for verb approve on approvalroles/ecab in namespace admission",
    "a merge patch that drops a rejection": "patch lfchg",
    "approving an older generation": "you looked at generation 1; now it is 2: look again",
}


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.name)
def test_refused(world: World, attack: Attack) -> None:
    with pytest.raises(RefusedError) as refused:
        attack.act(world, attack.who)
    assert f"ValidatingAdmissionPolicy 'lockflight-{attack.policy}'" in refused.value.message
    assert BRANCHES.get(attack.name, attack.says) in refused.value.message


def test_what_nobody_is_known_to_have_created_is_not_approved(world: World) -> None:
    assert world.old is not None
    with pytest.raises(RefusedError, match="nobody knows who created this"):
        world.add("alice", world.old, entry())
    world.add("alice", world.old, entry(decision="Rejected"))
