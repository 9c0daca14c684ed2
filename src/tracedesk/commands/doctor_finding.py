"""The words of ``tracedesk doctor``: who is looked at, and what is found."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import msgspec

from tracedesk.store.examine import Examined
from tracedesk.workspace import Workspace


class Patient(msgspec.Struct, frozen=True, kw_only=True):
    """What the checks look at."""

    workspace: Workspace
    broken: str = ""
    """Why the configuration cannot be used; the workspace is then one of defaults."""
    database: Examined

    def agent_name(self, agent_id: str) -> str:
        """The name of an agent, as configured or as it last was; blank is no agent."""
        if not agent_id:
            return "(no agent)"
        agent = self.workspace.agent(agent_id)
        return agent.name if agent else self.database.names.get(agent_id, agent_id)


class Check(msgspec.Struct, frozen=True):
    """One finding."""

    name: str
    found: str
    state: Literal["ok", "warning", "problem"] = "ok"
    advice: str = ""
    """What to do; blank where nothing need be done."""
    more: Sequence[str] = ()
    """Further lines of what was found."""
    details: Mapping[str, Any] = {}
    """The same as data, for ``--json``."""


def megabytes(size: int) -> str:
    """Bytes as a person reads them: ``3.1 MB``."""
    for unit, of in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if size >= of:
            return f"{size / of:,.1f} {unit}"
    return f"{size} B"
