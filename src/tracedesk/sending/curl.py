"""A stored trace as commands to paste into a shell, which make it anew at an endpoint.

Everything a sender wrote is quoted, so that a shell sees it as text and nothing else. Bodies
that are large or no text are read from files, which a first command makes.
"""

import shlex
from collections.abc import Sequence
from pathlib import Path

from tracedesk.sending.outgoing import Outgoing, target

INLINE_BYTES = 32 * 1024
"""Longer bodies come from a file; a shell takes 128 KB in one word, a person far less."""

KEY = '-H "x-api-key: $TRACEDESK_API_KEY"'
"""curl sends no header at all while the variable is unset."""

SKIPPED = frozenset({"user-agent", "accept"})
"""Headers of the first sender's program that say nothing about the trace."""


def curl_commands(trace_id: str, requests: Sequence[Outgoing], url: str, workspace: Path) -> str:
    """The commands, one a request, for an endpoint at ``url``; ``workspace`` has the bodies."""
    if not requests:
        return ""
    several = len(requests) > 1
    from_files = [_needs_file(request) for request in requests]
    file = f"{trace_id[:8]}{'/' if several else suffix(requests[0])}"
    commands = []
    if any(from_files):
        place = shlex.quote(str(workspace))
        commands.append(
            f"tracedesk export {trace_id} --workspace {place} --format raw --force -o {file}"
        )
    for number, (request, from_file) in enumerate(zip(requests, from_files, strict=True), 1):
        name = f"{file}{part_name(number, request)}" if several else file
        commands.append(_command(request, url, f"@{name}" if from_file else None))
    return " &&\n".join(commands) + "\n"


def part_name(number: int, request: Outgoing) -> str:
    """File name of one part of a raw export."""
    return f"part-{number:03d}{suffix(request)}"


def suffix(request: Outgoing) -> str:
    """What a file with this body ends in."""
    return ".pb" if request.protobuf else ".json"


def _needs_file(request: Outgoing) -> bool:
    """A body that a shell word cannot hold, or that curl would take for a file name."""
    if len(request.body) > INLINE_BYTES or b"\0" in request.body or request.body[:1] == b"@":
        return True
    try:
        text = request.body.decode()
    except UnicodeDecodeError:
        return True
    return not text.replace("\n", "").isprintable()  # pasted, other controls would act


def _command(request: Outgoing, url: str, file: str | None) -> str:
    words = [f"curl -sS {shlex.quote(target(url, request.path))}", KEY]
    words += [
        f"-H {shlex.quote(f'{name}: {value}' if value else f'{name};')}"
        for name, value in request.headers.items()
        if name.lower() not in SKIPPED
    ]
    body = request.body.decode() if file is None else file
    words.append(f"--data-binary {shlex.quote(body)}")
    return " \\\n  ".join(words)
