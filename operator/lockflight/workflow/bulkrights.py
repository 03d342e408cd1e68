"""What those may do who approved a bulk change: asked in its own namespace and in each of the stacks."""

import asyncio
from collections.abc import Iterable

from lockflight.api.changerequest import ChangeRequest
from lockflight.policy.entitlement import asked
from lockflight.policy.rights import Question, Rights
from lockflight.workflow.deps import Deps
from lockflight.workflow.rights import answers


async def entitled(deps: Deps, change: ChangeRequest, stacks: Iterable[str], *, function: bool, fresh: bool) -> Rights:
    """Their roles are asked about in the whole's namespace, what they could put forward in each of the stacks."""
    questions = tuple(asked(change, None, function=function))
    forward = [question for question in questions if question.verb == "create"]
    roles = [question for question in questions if question.verb != "create"]
    home = change.metadata.namespace
    known = await asyncio.gather(
        answers(deps, home, roles, fresh=fresh), *(answers(deps, stack, forward, fresh=fresh) for stack in stacks)
    )
    return together(questions, known)


def together(questions: Iterable[Question], known: Iterable[Rights]) -> Rights:
    """Yes where it is yes anywhere; not known where any place that was asked did not answer."""
    places = tuple(known)
    found: dict[Question, bool] = {}
    for question in questions:
        said = [place.may(question) for place in (places[:1] if question.verb != "create" else places[1:])]
        if True in said:
            found[question] = True
        elif said and None not in said:
            found[question] = False
    return Rights(found)
