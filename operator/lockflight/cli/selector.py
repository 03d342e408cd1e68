"""Label selectors by equality, as ``kubectl -l`` takes them."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

import click

_TERM = re.compile(
    r"(?P<no>!)?(?P<key>[A-Za-z0-9]([-._/A-Za-z0-9]*[A-Za-z0-9])?)((?P<op>!=|==?)(?P<value>[-._A-Za-z0-9]*))?"
)


@dataclass(frozen=True, slots=True)
class Term:
    """One requirement: ``key``, ``!key``, ``key=value`` or ``key!=value``."""

    key: str
    value: str | None
    wanted: bool

    def holds(self, labels: Mapping[str, str]) -> bool:
        """Whether the labels meet it."""
        met = self.key in labels if self.value is None else labels.get(self.key) == self.value
        return met is self.wanted


@dataclass(frozen=True, slots=True)
class Selector:
    """All requirements together; without any it matches everything."""

    terms: tuple[Term, ...] = ()

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Whether the labels meet every requirement."""
        return all(term.holds(labels) for term in self.terms)


class SelectorType(click.ParamType[Selector]):
    """A label selector."""

    name = "selector"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> Selector:
        """The selector, or wrong usage naming the part that is none."""
        if isinstance(value, Selector):
            return value
        return Selector(tuple(self._term(part, param, ctx) for part in str(value).split(",") if part.strip()))

    def _term(self, text: str, param: click.Parameter | None, ctx: click.Context | None) -> Term:
        found = _TERM.fullmatch(text.strip())
        if found is None or (found["no"] and found["op"]):
            self.fail(f"{text!r}: write key, !key, key=value or key!=value", param, ctx)
        return Term(found["key"], found["value"], wanted=not found["no"] and found["op"] != "!=")


selector_option = click.option(
    "-l", "--selector", type=SelectorType(), default=Selector(), show_default=False, help="Only with these labels."
)
