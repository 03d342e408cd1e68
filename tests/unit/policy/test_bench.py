"""The benchmark measures what it says."""

from itertools import islice

from bench.gates import measure


def test_every_gate_of_the_measured_promotion_is_open() -> None:
    gates, gathered = islice(measure(), 2)
    assert 0 < gates.p50 <= gates.p99
    assert 0 < gathered.p50 <= gathered.p99
