import socket

import pytest

from lockflight.devcluster.ports import LOOPBACK, free_port, free_ports, listening


def test_ports_are_distinct_and_nothing_listens_on_them() -> None:
    ports = free_ports(20)
    assert len(set(ports)) == 20
    assert not any(listening(port) for port in ports)


def test_ports_are_outside_the_range_of_outgoing_connections() -> None:
    assert all(port < 32_768 for port in free_ports(50))


def test_a_port_in_use_is_not_offered(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as taken:
        taken.bind((LOOPBACK, 0))
        taken.listen()
        port = taken.getsockname()[1]
        monkeypatch.setattr("lockflight.devcluster.ports._FIRST", port)
        monkeypatch.setattr("lockflight.devcluster.ports._LAST", port + 1)
        assert listening(port)
        with pytest.raises(OSError, match="fewer than 1 free ports"):
            free_port()
