"""JSON pointers, and which fields they leave out."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lockflight.policy.pointers import Ignored, parsed, written

SEGMENTS = st.lists(st.text(alphabet="ab~/01*.-", max_size=5), max_size=5)


@given(SEGMENTS)
def test_what_is_written_is_parsed_to_the_same(segments: list[str]) -> None:
    assert parsed(written(segments)) == tuple(segments)


@given(SEGMENTS, SEGMENTS)
def test_a_pointer_covers_itself_and_all_that_is_below(above: list[str], below: list[str]) -> None:
    assert Ignored([written(above)]).covers([*above, *below])


@given(SEGMENTS.filter(bool), SEGMENTS)
def test_a_pointer_covers_nothing_beside_it(segments: list[str], below: list[str]) -> None:
    other = [*segments[:-1], f"{segments[-1]}x", *below]
    assert Ignored([written(segments)]).covers(other) == (segments[-1] == "*")


@given(SEGMENTS.filter(bool))
def test_a_pointer_does_not_cover_what_is_above(segments: list[str]) -> None:
    assert not Ignored([written(segments)]).covers(segments[:-1])


@pytest.mark.parametrize(
    ("pointer", "path", "covered"),
    [
        ("/spec/replicas", ("spec", "replicas"), True),
        ("/spec/replicas", ("spec", "replicasMax"), False),
        ("/spec/template", ("spec", "template", "spec", "containers", 0, "image"), True),
        ("/spec/template/spec/containers/*/image", ("spec", "template", "spec", "containers", 1, "image"), True),
        ("/spec/template/spec/containers/0/image", ("spec", "template", "spec", "containers", 1, "image"), False),
        ("/metadata/annotations/a~1b", ("metadata", "annotations", "a/b"), True),
        ("/metadata/annotations/a~0b", ("metadata", "annotations", "a~b"), True),
        ("/metadata/annotations/~01", ("metadata", "annotations", "~1"), True),
    ],
)
def test_fields_that_are_left_out(pointer: str, path: tuple[str | int, ...], *, covered: bool) -> None:
    assert Ignored([pointer]).covers(path) == covered


@pytest.mark.parametrize("pointer", ["spec/replicas", "/spec/~2", "/spec/a~"])
def test_what_is_no_pointer_is_refused(pointer: str) -> None:
    with pytest.raises(ValueError, match="is no JSON pointer"):
        parsed(pointer)
