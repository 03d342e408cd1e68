"""Ask the API server what people may do."""

import asyncio
from collections.abc import Iterable

from lockflight.api.common import GROUP
from lockflight.policy.rights import Question, Rights
from lockflight.ports import PortError
from lockflight.workflow.deps import Deps


async def answers(deps: Deps, stack: str, questions: Iterable[Question], *, fresh: bool) -> Rights:
    """The answers in ``stack``, each asked once; what could not be asked is left out."""
    different = tuple(dict.fromkeys(questions))
    said = await asyncio.gather(*(_ask(deps, stack, question, fresh=fresh) for question in different))
    known = zip(different, said, strict=True)
    return Rights({question: answer for question, answer in known if answer is not None})


async def _ask(deps: Deps, stack: str, q: Question, *, fresh: bool) -> bool | None:
    try:
        return await deps.cluster.may(q.user, q.groups, q.verb, GROUP, q.resource, stack, q.name, fresh=fresh)
    except PortError:
        return None
