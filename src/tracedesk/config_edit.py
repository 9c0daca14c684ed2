"""Agents added to, changed in and removed from ``tracedesk.toml`` by the program.

A change is checked by the same models that read the file, written beside it and put in its
place at once: whoever reads meanwhile sees the old file or the new one, whole.
"""

import contextlib
import os
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any
from uuid import uuid4

from tracedesk import config_text
from tracedesk.model.agent import Agent
from tracedesk.query.names import nearest
from tracedesk.replacing import replace_file
from tracedesk.workspace import CONFIG_NAME, ConfigError, Workspace, configured, open_workspace

DEFAULTS: Mapping[str, Any] = {
    "type": "auto", "timezone": "UTC", "legacy_external_id_upsert": False,
    "workflow_ids": [], "chatflow_ids": [],
}  # fmt: skip
"""What a new entry need not say."""


def add_agent(root: Path, fields: Mapping[str, Any]) -> Agent:
    """Add an agent with these keys of ``[[agents]]``; an id is made when left out.

    Raises ConfigError when the keys, or the file as it stands, cannot be used.
    """
    entry = {"id": str(fields.get("id") or uuid4()), "name": fields.get("name", "")}
    entry |= {key: value for key, value in fields.items() if value != DEFAULTS.get(key)}
    _check(entry)
    changed = _rewrite(root, lambda text, _: config_text.add_agent(text, entry))
    return changed.agents[-1]


def edit_agent(
    root: Path, name_or_id: str, put: Mapping[str, Any], drop: Iterable[str] = ()
) -> Agent:
    """Set keys of an agent and drop others. An agent whose id was made of its name keeps that
    id, which is written down. Raises ConfigError."""
    place = -1

    def edit(text: str, workspace: Workspace) -> str:
        nonlocal place
        place = _place(workspace, name_or_id)
        entry = tomllib.loads(text)["agents"][place]
        given = dict(put) if "id" in entry else {"id": workspace.agents[place].id, **put}
        kept = {key: value for key, value in entry.items() if key not in set(drop)}
        _check({**kept, **given, **_merged(kept, given)})
        return config_text.edit_agent(text, place, given, drop)

    return _rewrite(root, edit).agents[place]


def remove_agent(root: Path, name_or_id: str) -> Agent:
    """Remove an agent; the traces stored for it stay. Raises ConfigError."""
    removed: list[Agent] = []

    def remove(text: str, workspace: Workspace) -> str:
        place = _place(workspace, name_or_id)
        removed.append(workspace.agents[place])
        return config_text.remove_agent(text, place)

    _rewrite(root, remove)
    return removed[0]


def configured_agent(workspace: Workspace, name_or_id: str) -> Agent:
    """The agent of ``tracedesk.toml`` with that name or id. Raises ConfigError, which names
    the nearest."""
    return workspace.agents[_place(workspace, name_or_id)]


def _place(workspace: Workspace, name_or_id: str) -> int:
    if not workspace.has_agents:
        raise ConfigError(
            "no agent is configured: 'local' stands in for one until tracedesk agents add NAME"
        )
    wanted = name_or_id.strip()
    for place, agent in enumerate(workspace.agents):
        if wanted == agent.name or wanted.lower() == agent.id:
            return place
    names = [agent.name for agent in workspace.agents]
    meant = nearest(wanted, names)
    known = f"did you mean {meant!r}?" if meant else f"there are {', '.join(map(repr, names))}"
    raise ConfigError(f"no agent {wanted!r}; {known}")


def _merged(kept: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    return {
        key: {**kept[key], **value}
        for key, value in given.items()
        if isinstance(value, dict) and isinstance(kept.get(key), dict)
    }


def _check(entry: Mapping[str, Any]) -> None:
    """Raises ConfigError in terms of the keys alone."""
    from pydantic import ValidationError

    from tracedesk.config import AgentTable

    try:
        AgentTable.model_validate(entry)
    except ValidationError as fault:
        lines = [
            f"{'.'.join(map(str, error['loc']))}: {error['msg'].removeprefix('Value error, ')}"
            for error in fault.errors()
        ]
        raise ConfigError("\n".join(lines)) from fault


# -- the file ----------------------------------------------------------------------------


def _rewrite(root: Path, edit: Callable[[str, Workspace], str]) -> Workspace:
    """Change the file and return the workspace as it then is."""
    path = Path(os.path.realpath(root / CONFIG_NAME))
    try:
        with _one_at_a_time(root):
            before = path.read_bytes() if path.exists() else None
            workspace = open_workspace(root)
            text = (before or b"").decode()
            after = edit(text, workspace)
            changed = configured(root, after)
            if after != text:
                look_again = partial(_refuse_changed, path, before)
                replace_file(path, after.encode(), new=before is None, look_again=look_again)
            return changed
    except config_text.EditError as fault:
        raise ConfigError(f"{path}: {fault}") from fault
    except OSError as fault:
        raise ConfigError(f"{path}: cannot be written: {fault.strerror}") from fault


@contextlib.contextmanager
def _one_at_a_time(root: Path) -> Iterator[None]:
    """Keep out other programs of ours that change the same file."""
    try:
        import fcntl
    except ImportError:  # no such locks on this system
        yield
        return
    folder = os.open(root, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)


def _refuse_changed(path: Path, before: bytes | None) -> None:
    if (path.read_bytes() if path.exists() else None) != before:
        raise ConfigError(f"{path}: was changed by another program meanwhile; try again")
