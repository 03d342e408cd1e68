"""Free TCP ports on loopback."""

from __future__ import annotations

import random
import socket
from contextlib import ExitStack

LOOPBACK = "127.0.0.1"

# Below the range from which kernels pick outgoing ports, so that no client of ours takes one between choice and use.
_FIRST, _LAST = 20_000, 32_000


def free_ports(count: int) -> list[int]:
    """`count` distinct ports that nothing listens on now, in random order.

    Raises `OSError` when there are not enough. Choices are random so that clusters started together seldom meet.
    """
    candidates = random.sample(range(_FIRST, _LAST), _LAST - _FIRST)
    found: list[int] = []
    with ExitStack() as held:
        for port in candidates:
            if len(found) == count:
                return found
            probe = held.enter_context(socket.socket(socket.AF_INET, socket.SOCK_STREAM))
            try:
                probe.bind((LOOPBACK, port))
            except OSError:
                continue
            found.append(port)
    if len(found) == count:
        return found
    msg = f"fewer than {count} free ports between {_FIRST} and {_LAST}"
    raise OSError(msg)


def free_port() -> int:
    """One port that nothing listens on now."""
    return free_ports(1)[0]


def listening(port: int) -> bool:
    """Whether something accepts connections on this loopback port."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.settimeout(0.5)
        return probe.connect_ex((LOOPBACK, port)) == 0
