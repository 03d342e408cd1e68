"""Have the signatures on a release's evidence verified, as far as its environment asks for them."""

import asyncio
from collections.abc import Mapping

from lockflight.api.promotion import Action
from lockflight.policy.evidence import attestations
from lockflight.policy.model import Snapshot
from lockflight.policy.signature import Signature
from lockflight.workflow.deps import Deps


async def signed(deps: Deps, snapshot: Snapshot) -> Mapping[str, Signature]:
    """By attestation, who signed it; empty where nothing of it is asked for."""
    release, governed = snapshot.release, snapshot.effective
    trust = governed.spec.entry.trust if governed is not None and governed.spec.entry else None
    if release is None or governed is None or trust is None or snapshot.promotion.spec.action is Action.ROLLBACK:
        return {}
    given = tuple(dict.fromkeys(attestations(release, governed.spec)))
    found = await asyncio.gather(*(deps.signatures.verified(each, trust) for each in given))
    return dict(zip(given, found, strict=True))
