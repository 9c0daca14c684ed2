"""Who may have a session in the browser: whoever was given the token, from our own page.

Loopback is shared by all users of a machine, and by every web page its browsers have open. So the
address that is printed carries a token, a page of another site cannot open our WebSocket, and a
name that was rebound to this machine is not one of ours.
"""

import hashlib
import secrets
import socket
from collections.abc import Sequence
from ipaddress import ip_address

import msgspec

from tracedesk.endpoint.settings import LOOPBACK

COOKIE = "tracedesk"
WHERE = "open the whole address that tracedesk web printed when it started"


class RefusedError(Exception):
    """A request that is not answered with what it asks for; the text says why, for a person."""


class Headers(msgspec.Struct, frozen=True):
    """All that is decided by, as the request brought it."""

    host: Sequence[str]
    origin: Sequence[str] = ()
    websocket: bool = False


class Guard:
    """The token of one run of the server, and the rules."""

    def __init__(self, bound_to: str) -> None:
        """``bound_to``: the host that is listened on, as it was asked for."""
        self.token = secrets.token_urlsafe(24)
        """In the address that is printed; exchanged for the cookie."""
        self.base = f"/{secrets.token_urlsafe(9)}/"
        """Where everything lies. Browsers send a cookie to every port of a host, but not beside
        its path, and no other program on this host can know this one."""
        self.cookie = hashlib.sha256(self.token.encode()).hexdigest()
        self.loopback = bound_to in LOOPBACK
        """Is it reached from this machine only?"""
        self._names = LOOPBACK
        if not self.loopback:
            self._names |= {bound_to.strip("[]").lower(), socket.gethostname().lower()}

    def knows(self, token: str) -> bool:
        """Is this the token that was printed?"""
        return secrets.compare_digest(token.encode(), self.token.encode())

    def check(self, headers: Headers) -> None:
        """Raises RefusedError, unless it comes from our page or from an address a person typed."""
        host = self._checked_host(headers.host)
        for origin in headers.origin:
            if origin != f"http://{host}":
                raise RefusedError("a page of another site asks for this; it is refused")
        if headers.websocket and not headers.origin:
            raise RefusedError("a session is opened by the page only")

    def check_cookie(self, cookie: str) -> None:
        """Raises RefusedError where the browser never showed the token."""
        if not secrets.compare_digest(cookie.encode(), self.cookie.encode()):
            raise RefusedError(f"no token was given; {WHERE}")

    def _checked_host(self, hosts: Sequence[str]) -> str:
        host = hosts[0] if len(hosts) == 1 else ""
        name = _name(host)
        known = name in self._names or name.endswith(".localhost")
        # a page can rebind a name, but never an address written in digits
        if not (known or (not self.loopback and _is_address(name))):
            raise RefusedError(f"{name!r} is not a name of this server; {WHERE}")
        return host


def _name(host: str) -> str:
    """The name in ``name``, ``name:port`` or ``[v6]:port``."""
    text = host.strip().lower()
    if text.startswith("["):
        return text[1:].partition("]")[0]
    return text.partition(":")[0]


def _is_address(name: str) -> bool:
    try:
        ip_address(name)
    except ValueError:
        return False
    return True
