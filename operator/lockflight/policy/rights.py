"""What was asked about the rights of people, and what the API server answered."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Question:
    """May this user, in these groups, do that in the stack? Groups are those stamped when the user spoke."""

    user: str
    groups: tuple[str, ...]
    verb: str
    resource: str
    name: str = ""


@dataclass(frozen=True, slots=True)
class Rights:
    """The API server's answers; a question without one could not be asked."""

    answers: Mapping[Question, bool] = field(default_factory=dict)

    def may(self, question: Question) -> bool | None:
        """The answer, or None."""
        return self.answers.get(question)
