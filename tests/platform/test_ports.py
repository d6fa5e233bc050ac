"""Another port is taken when the default one is busy."""

import socket

from fireai_analysis.platform import ports


def test_the_preferred_port_is_taken_when_it_is_free() -> None:
    with socket.create_server((ports.LOOPBACK, 0)) as probe:
        free = probe.getsockname()[1]
    with ports.listen(free) as listener:
        assert ports.port_of(listener) == free
        assert ports.url_of(listener) == f"http://127.0.0.1:{free}"


def test_another_port_is_taken_when_the_preferred_one_is_busy() -> None:
    with socket.create_server((ports.LOOPBACK, 0)) as busy:
        taken = busy.getsockname()[1]
        with ports.listen(taken) as listener, socket.create_connection(listener.getsockname()):
            assert ports.port_of(listener) != taken
