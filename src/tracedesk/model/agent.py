"""Agents: the systems whose traces arrive, as ``tracedesk.toml`` describes them."""

import msgspec

LOCAL_AGENT_ID = "00000000-0000-4000-8000-000000000000"
"""Id of the agent ``local``, which stands in when none is configured."""

AGENT_TYPES = ("auto", "custom", "http", "n8n", "flowise")
"""``http`` is the newer name of ``custom``; ``auto`` looks at the body."""


class N8nApi(msgspec.Struct, frozen=True):
    """Where the executions of an agent's n8n are read."""

    base_url: str
    api_key_env: str = "N8N_API_KEY"
    """The environment variable that holds the key."""
    every_s: float = 10.0
    """Seconds between two looks."""


class Agent(msgspec.Struct, frozen=True, kw_only=True):
    """One agent. ``id`` is a UUID in text; the wire calls it ``platformId``."""

    id: str
    name: str
    type: str = "auto"
    response_path: str | None = None
    otlp_service_name: str | None = None
    workflow_ids: tuple[str, ...] = ()
    chatflow_ids: tuple[str, ...] = ()
    timezone: str = "UTC"
    legacy_external_id_upsert: bool = False
    n8n: N8nApi | None = None


LOCAL_AGENT = Agent(id=LOCAL_AGENT_ID, name="local")
