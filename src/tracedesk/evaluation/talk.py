"""What two processes say to each other over a socket: messages of bytes, each after its length.

As ``multiprocessing.connection`` does it, but without what that imports: the second process is
waited for.
"""

import socket

_LENGTH_BYTES = 4


class Talk:
    """One end. One thread may send while another receives."""

    def __init__(self, end: socket.socket) -> None:
        self._end = end

    def send(self, message: bytes) -> None:
        """Say something of less than 4 GiB. Raises OSError when nobody listens any more."""
        self._end.sendall(len(message).to_bytes(_LENGTH_BYTES) + message)

    def receive(self) -> bytes:
        """What the other end says next. Raises EOFError when it was closed, and OSError."""
        return self._take(int.from_bytes(self._take(_LENGTH_BYTES)))

    def close(self) -> None:
        self._end.close()

    def _take(self, size: int) -> bytes:
        taken = self._end.recv(size, socket.MSG_WAITALL) if size else b""
        while len(taken) < size:
            more = self._end.recv(size - len(taken), socket.MSG_WAITALL)
            if not more:
                raise EOFError
            taken += more
        return taken
