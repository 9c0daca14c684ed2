"""The forms for an agent and for a key: their lines, and the settings that the lines mean."""

from collections.abc import Sequence
from typing import Any
from zoneinfo import available_timezones

from tracedesk.desk import Desk
from tracedesk.model.agent import AGENT_TYPES, Agent
from tracedesk.roster import KeyEntry, make_key
from tracedesk.tui.screens.asking import Entries, Field

_LISTS = ("workflow_ids", "chatflow_ids")
_YES = ("yes", "no")


def agent_fields(agent: Agent | None) -> list[Field]:
    """The lines for an agent; empty ones for a new agent."""

    def value(name: str, default: str = "") -> str:
        if agent is None:
            return default
        found = getattr(agent, name)
        if isinstance(found, tuple):
            return ", ".join(found)
        return ("no", "yes")[found] if isinstance(found, bool) else found or ""

    zones = sorted(available_timezones())
    return [
        Field("name", "name", value("name"), "booking"),
        Field("type", "type", value("type", "auto"), ", ".join(AGENT_TYPES), AGENT_TYPES),
        Field("otlp_service_name", "service.name", value("otlp_service_name"),
              "of its OpenTelemetry traces"),
        Field("workflow_ids", "workflow ids", value("workflow_ids"), "n8n: wf-1, wf-2"),
        Field("chatflow_ids", "chatflow ids", value("chatflow_ids"), "Flowise"),
        Field("response_path", "response path", value("response_path"),
              "of data bodies: choices.0.message.content"),
        Field("timezone", "time zone", value("timezone", "UTC"), "Europe/Madrid", zones),
        Field("legacy_external_id_upsert", "same externalId replaces",
              value("legacy_external_id_upsert", "no"), "yes or no", _YES),
    ]  # fmt: skip


def agent_settings(entries: Entries) -> tuple[dict[str, Any], list[str]]:
    """Keys of ``[[agents]]`` to set, and those to leave out because their line is empty."""
    put: dict[str, Any] = {"name": entries["name"]}
    drop: list[str] = []
    for name, text in entries.items():
        if name in _LISTS:
            ids = [part.strip() for part in text.split(",") if part.strip()]
            put, drop = _put_or_drop(put, drop, name, ids)
        elif name == "legacy_external_id_upsert":
            said = {"yes": True, "no": False, "": False}.get(text.lower(), text)
            put, drop = _put_or_drop(put, drop, name, said)
        elif name != "name":
            default = {"type": "auto", "timezone": "UTC"}.get(name)
            put, drop = _put_or_drop(put, drop, name, "" if text == default else text)
    return put, drop


def _put_or_drop(
    put: dict[str, Any], drop: list[str], name: str, value: Any
) -> tuple[dict[str, Any], list[str]]:
    return ({**put, name: value}, drop) if value else (put, [*drop, name])


def key_fields(scope: str, names: Sequence[str]) -> list[Field]:
    """The lines for a key."""
    return [
        Field("name", "name", "", "what will send with it, such as ci"),
        Field("agents", "agents", scope, f"all; or some of {', '.join(names)}", names),
        Field("expires", "expires", "", "never; or 90d, 4w, 2026-12-31"),
    ]


def save_key(desk: Desk, entries: Entries) -> tuple[KeyEntry, str]:
    """Make the key that the lines describe. Raises RosterError and StoreError."""
    agents = [part.strip() for part in entries["agents"].split(",") if part.strip()]
    return make_key(desk.store, desk.workspace, entries["name"], agents, entries["expires"])
