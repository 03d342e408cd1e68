"""Values from Secrets and ConfigMaps: read, bounded, never quoted."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lockflight.policy.valuestext import SourceError, parse
from lockflight.workflow.sources import Source, scrubbed

LIMIT = 1_000
SECRET = "correct-horse-battery-staple"


def test_dates_are_text_as_they_are_for_helm() -> None:
    assert parse("day: 2026-01-01", "here", LIMIT) == {"day": "2026-01-01"}


@pytest.mark.parametrize(
    ("text", "reason", "words"),
    [
        (f"a: [{SECRET}", "ValuesUnreadable", "is not YAML"),
        (f"- {SECRET}", "ValuesUnreadable", "is not a YAML mapping"),
        ("", "ValuesUnreadable", "is not a YAML mapping"),
        (f"1: {SECRET}", "ValuesNotCanonical", "put it in quotes"),
        ("pin: 98765432109876543210", "ValuesNotCanonical", "put it in quotes"),
        ("a: .nan", "ValuesNotCanonical", "put it in quotes"),
        (f"a: {'x' * LIMIT}", "ValuesTooLarge", f"allowed are {LIMIT}"),
        ("a: &a [*a]", "ValuesTooLarge", "anchors"),
        ("a: " + "[" * 70 + "]" * 70, "ValuesTooLarge", "nested deeper than 64"),
        (f"a: !!python/object:{SECRET} x", "ValuesUnreadable", "is not YAML"),
        (b"a: \xff\xfe", "ValuesUnreadable", "is not YAML"),
    ],
)
def test_what_cannot_be_values_is_refused_without_quoting_it(text: str | bytes, reason: str, words: str) -> None:
    with pytest.raises(SourceError) as refused:
        parse(text, "Secret settings key values.yaml", LIMIT)

    problem = refused.value.problem
    assert problem.reason == reason
    assert words in problem.message
    assert problem.message.startswith("Secret settings key values.yaml")
    assert SECRET not in problem.message
    assert "9876543210" not in problem.message


def test_a_few_lines_of_anchors_do_not_become_gigabytes() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 9)]

    with pytest.raises(SourceError, match="mind anchors"):
        parse("\n".join(lines), "here", 10_000)


def test_only_keys_of_a_secret_are_shown() -> None:
    source = Source("Secret settings", {"db": {"password": SECRET, "ports": [1, 2]}}, secret=True)

    shown = source.masked()

    assert shown == {"db": {"password": "<Secret settings>", "ports": ["<Secret settings>", "<Secret settings>"]}}
    assert Source("ConfigMap settings", {"a": 1}, secret=False).masked() == {"a": 1}


@pytest.mark.parametrize(
    ("message", "secret"),
    [
        (f'invalid value "{SECRET}"', SECRET),
        (
            "bad key: -----BEGIN KEY----- abcdefgh -----END KEY-----",
            "-----BEGIN KEY-----\nabcdefgh\n-----END KEY-----\n",
        ),
        ("got 424242, want a string", 424242),
        (f"{SECRET[6:]} is what is left of it", SECRET),
        (f"all that fits is {SECRET[:-3]}", SECRET),
        (r"bad: \"horse\"\tstaple", '"horse"\tstaple'),
    ],
)
def test_messages_lose_what_comes_from_a_secret(message: str, secret: object) -> None:
    shown = scrubbed(message, [{"some": [{"where": secret}]}])

    assert not any(word in shown for word in ("horse", "staple", "abcdefgh", "424242"))


def test_messages_keep_the_rest() -> None:
    message = "pod payments-0 in payments-production: got x, want integer"

    assert scrubbed(message, [{"a": "x", "on": True, "url": f"db://me:{SECRET}@payments-production"}]) == message


@given(st.text(min_size=8, max_size=40), st.text(max_size=60), st.text(max_size=60))
def test_no_secret_survives_whatever_is_around_it(secret: str, before: str, after: str) -> None:
    assert secret not in scrubbed(f"{before}{secret}{after}", [{"key": secret}])
