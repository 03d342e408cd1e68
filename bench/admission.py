"""What the policies cost: one approval as a board member sends it, with them and without, on the same object."""

import asyncio
from time import perf_counter

from bench.world import World, append_approval, client_of, plans, until

ROUNDS = 300
_KINDS = ("validatingadmissionpolicybindings", "mutatingadmissionpolicybindings")
_ENTRY = {"role": "cab", "decision": "Approved"}


def status_patch(world: World, change: str) -> tuple[list[float], list[float]]:
    """Milliseconds of each dry run of an approval of ``change``, with the policies and without.

    Dry runs pass through admission whole and leave nothing, so that every round sees the same object. The bindings are
    taken away for the second half: whoever calls this last has no policies any more.
    """
    with_policies = asyncio.run(_timed(world, change))
    for kind in _KINDS:
        names = world.kubectl("get", kind, "-o", "name").split()
        ours = [name for name in names if "lockflight" in name]
        world.kubectl("delete", *ours)
    until(lambda: asyncio.run(_forged(world, change)), "the policies to be out of force", 60)
    return with_policies, asyncio.run(_timed(world, change))


async def _timed(world: World, change: str) -> list[float]:
    times = []
    async with await client_of(world, "alice") as api:
        entry = {**_ENTRY, "planDigest": plans(world, [change])[change]}
        for _ in range(ROUNDS):
            began = perf_counter()
            status, said = await append_approval(api, change, entry, "?dryRun=All")
            times.append((perf_counter() - began) * 1_000)
            if status >= 300:
                raise RuntimeError(f"approval of {change}: {status} {said}")
    return times[10:]


async def _forged(world: World, change: str) -> bool:
    """Whether the API server takes somebody else's name, which it does only without the policies."""
    async with await client_of(world, "alice") as api:
        status, said = await append_approval(api, change, {**_ENTRY, "by": "bob"}, "?dryRun=All")
    return status < 300 and '"by":"bob"' in said.replace(" ", "")
