"""Messages between two processes: whole, in order, and an end that is noticed."""

import socket
import threading
from collections.abc import Iterator

import pytest

from tracedesk.evaluation.talk import Talk


@pytest.fixture
def ends() -> Iterator[tuple[Talk, Talk, socket.socket]]:
    here, there = socket.socketpair()
    with here, there:
        yield Talk(here), Talk(there), here


def test_messages_of_any_size_arrive_whole_and_in_order(
    ends: tuple[Talk, Talk, socket.socket],
) -> None:
    here, there, _ = ends
    sent = [b"", b"one", bytes(range(256)) * 20_000, b"last"]
    speaking = threading.Thread(target=lambda: [here.send(each) for each in sent])
    speaking.start()
    assert [there.receive() for _ in sent] == sent
    speaking.join()
    there.send(b"back")
    assert here.receive() == b"back"


@pytest.mark.parametrize("said", [b"", b"\0\0", b"\0\0\0\x05abc"])
def test_an_end_that_was_closed_is_noticed_even_within_a_message(
    said: bytes, ends: tuple[Talk, Talk, socket.socket]
) -> None:
    here, there, raw = ends
    raw.sendall(said)
    here.close()
    with pytest.raises(EOFError):
        there.receive()
    with pytest.raises(BrokenPipeError):
        there.send(b"nobody listens")
