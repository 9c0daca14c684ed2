"""Agents as the database knows them: how many traces each has, and what it was last called.

Agents are configured in ``tracedesk.toml``. A name is kept here so that the traces of an agent
that was removed from there still say whose they are.
"""

import sqlite3
from collections.abc import Mapping

from tracedesk.store.database import Store


def traces_by_agent(store: Store) -> dict[str, int]:
    """Number of stored traces by agent id. Raises StoreError."""
    return dict(store.query("SELECT agent_id, count(*) FROM trace GROUP BY agent_id"))


def agent_names(store: Store) -> dict[str, str]:
    """Every agent id that was ever configured and the name it last had. Raises StoreError."""
    return dict(store.query("SELECT id, name FROM agent"))


def remember_agents(store: Store, names: Mapping[str, str]) -> dict[str, str]:
    """Keep these names for later and return all that are known. Raises StoreError."""
    known = agent_names(store)
    new = {agent_id: name for agent_id, name in names.items() if known.get(agent_id) != name}
    if new and not store.read_only:

        def save(connection: sqlite3.Connection) -> None:
            connection.executemany(
                "INSERT INTO agent VALUES (?, ?) ON CONFLICT DO UPDATE SET name = excluded.name",
                list(new.items()),
            )

        store.writer.run(save).result()
    return known | new
