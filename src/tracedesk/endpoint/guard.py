"""Keeps web pages away from an endpoint that asks no key.

A page open in a browser can send requests to loopback addresses, and can rebind its own
name to one. So the host asked for must be a name of this machine, and a request that says
it comes from another site is refused.
"""

from tracedesk.endpoint.errors import Refused
from tracedesk.endpoint.settings import LOOPBACK, EndpointSettings

_LOCAL_NAMES = LOOPBACK | {"host.docker.internal", "host.containers.internal"}
"""Names of this machine, also as containers on it call it; no web page can own them."""

_OWN_SITES = (b"same-origin", b"none")


class Guard:
    """Decides by the headers alone whether a request may go on."""

    def __init__(self, settings: EndpointSettings) -> None:
        names = {name.lower().strip("[]") for name in (*settings.allowed_hosts, settings.host)}
        self._names = _LOCAL_NAMES | names
        self._any_host = not settings.loopback and not settings.allowed_hosts
        """On a public address every request needs a key, which no web page has."""
        self._known: set[bytes] = set()

    def check(self, host: bytes | None, origin: bytes | None, site: bytes | None) -> None:
        """``Host``, ``Origin`` and ``Sec-Fetch-Site`` (None: not sent). Raises Refused, 403."""
        if host is not None and host not in self._known:
            self._check_host(host)
        if (site is not None and site not in _OWN_SITES) or (
            origin is not None and not _same_host(origin, host)
        ):
            raise Refused(
                403,
                "FORBIDDEN_ORIGIN",
                "requests from web pages are refused; send from a program instead",
            )

    def _check_host(self, host: bytes) -> None:
        name = _name(host)
        if not (self._any_host or name in self._names or name.endswith(".localhost")):
            raise Refused(
                403,
                "FORBIDDEN_HOST",
                f"the host name {name!r} is not one of this endpoint; add it to allowed_hosts in"
                " the [endpoint] table of tracedesk.toml",
            )
        if len(self._known) < 1_000:
            self._known.add(host)


def _name(host: bytes) -> str:
    """The name in ``name``, ``name:port`` or ``[v6]:port``."""
    text = host.decode("latin-1").strip().lower()
    if text.startswith("["):
        return text[1:].partition("]")[0]
    return text.rpartition(":")[0] if ":" in text else text


def _same_host(origin: bytes, host: bytes | None) -> bool:
    return host is not None and origin.partition(b"://")[2] == host
