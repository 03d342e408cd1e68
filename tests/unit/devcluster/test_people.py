import pytest

from lockflight.devcluster import DEMO_PEOPLE, Person


@pytest.mark.parametrize("name", ["", "Alice", "../alice", "a/b", "ns_name", "-a", "a" * 64])
def test_a_name_that_cannot_be_a_file_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="want lower-case letters"):
        Person(name)


@pytest.mark.parametrize("name", ["admin", "kwok", "kube-scheduler", "kube-controller-manager"])
def test_nobody_goes_by_the_name_of_a_component(name: str) -> None:
    with pytest.raises(ValueError, match="the cluster itself"):
        Person(name)


def test_the_demo_has_two_members_of_the_board() -> None:
    assert [person.name for person in DEMO_PEOPLE if "cab" in person.groups] == ["alice", "bob"]
