"""What ``tracedesk doctor`` says of the endpoint: who listens, who could, who may send."""

import contextlib
import errno
import http.client
import socket
from collections.abc import Iterator
from urllib.parse import urlsplit

from tracedesk.commands.doctor_finding import Check, Patient
from tracedesk.endpoint.settings import EndpointSettings
from tracedesk.owner import Owner, is_alive, owner_of
from tracedesk.query.text import counted
from tracedesk.workspace import DEFAULT_PORT

PATIENCE_S = 0.5
"""How long whoever listens may take to answer."""
ANSWER = b'{"status":"ok"}'
"""What an endpoint of ours says on ``/health``."""


def check_endpoint(patient: Patient) -> Iterator[Check]:
    """Is a desk at work here, and if not, could one listen?"""
    owner = owner_of(patient.workspace)
    if owner is not None and is_alive(patient.workspace, owner):
        yield _running(owner)
    else:
        yield _could_listen(patient, killed=owner is not None)


def _running(owner: Owner) -> Check:
    who = f"process {owner.pid}"
    details = {"running": True, "pid": owner.pid, "url": owner.url}
    if owner.url is None:
        advice = "It may be starting, or its port is taken: look at its screen or its output."
        return Check("endpoint", f"{who} is at work and does not listen", "warning", advice)
    answer = _ask(owner.url)
    if answer == "ours":
        return Check("endpoint", f"{owner.url}, answered by {who}", details=details)
    advice = f"End {who} and start again."
    said = f"{who} should answer at {owner.url}; there is {answer or 'no answer'}"
    return Check("endpoint", said, "problem", advice, (), details)


def _could_listen(patient: Patient, *, killed: bool) -> Check:
    """Nobody is at work: is the port free?"""
    config = patient.workspace.endpoint
    port = DEFAULT_PORT if config.port is None else config.port
    said = "no desk is at work here"
    if killed:
        said += "; the last one was killed, which does no harm"
    details = {"running": False, "port": port}
    problem = _bind(config.host, port)
    if problem is None:
        return Check("endpoint", f"{said}; port {port} is free", details=details)
    if problem.errno != errno.EADDRINUSE:
        reason = problem.strerror or str(problem)
        advice = "Choose another host or port under [endpoint] in tracedesk.toml."
        said += f", and none could listen on {config.host}:{port}: {reason}"
        return Check("endpoint", said, "problem", advice, (), details)
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(config.host, config.host)
    answer = _ask(f"http://{f'[{host}]' if ':' in host else host}:{port}")
    there = "the endpoint of another workspace" if answer == "ours" else answer or "another program"
    said += f"; port {port} is taken: {there} is there"
    if config.port is None:
        return Check("endpoint", said, "warning", "The next free port is taken.", (), details)
    advice = f"End what listens on port {port}, or choose another port under [endpoint]."
    return Check("endpoint", said, "problem", advice, (), details)


def _bind(host: str, port: int) -> OSError | None:
    """Why the address cannot be bound; None when it can."""
    try:
        family, kind, _, _, address = socket.getaddrinfo(
            host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        with contextlib.closing(socket.socket(family, kind)) as trial:
            trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            trial.bind(address)
    except OSError as error:
        return error
    return None


def _ask(url: str) -> str:
    """Who answers there: ``ours``, else in words; blank when nobody does."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(
        parts.hostname or "", parts.port or 80, timeout=PATIENCE_S
    )
    try:
        connection.request("GET", "/health")
        reply = connection.getresponse()
        if reply.status == 200 and reply.read(100) == ANSWER:
            return "ours"
        server = reply.getheader("server", "")[:60]
        return f"another web server{f' ({server})' if server else ''}"
    except http.client.HTTPException:
        return "a program that does not speak HTTP"
    except OSError:
        return ""
    finally:
        connection.close()


def check_keys(patient: Patient) -> Iterator[Check]:
    """Who may send, and whether anyone can."""
    config, keys = patient.workspace.endpoint, patient.database.keys
    settings = EndpointSettings(host=config.host, require_key=config.require_key)
    there = f"{counted(keys, 'key')} can be used"
    details = {"keys": keys, "demanded": settings.keys_demanded}
    if not settings.keys_demanded:
        said = f"none is demanded, as only this machine can reach the endpoint; {there}"
        yield Check("keys", said, details=details)
    elif keys or patient.database.problem is not None:
        yield Check("keys", f"one is demanded; {there}", details=details)
    else:
        advice = "tracedesk keys create NAME makes one."
        said = "one is demanded and there is none: every request is refused"
        yield Check("keys", said, "problem", advice, (), details)
