"""``tracedesk agents``: the agents of ``tracedesk.toml``, listed and changed."""

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tracedesk.commands.common import (
    Group,
    fail,
    find,
    inherited,
    json_option,
    open_desk,
    print_json,
    print_table,
    workspace_option,
)
from tracedesk.model.agent import AGENT_TYPES, Agent

if TYPE_CHECKING:
    from tracedesk.roster import AgentEntry, Roster
    from tracedesk.workspace import Workspace

COLUMNS = ("name", "type", "routed by", "traces", "keys", "id")

FIELDS: tuple[tuple[str, str, bool, str], ...] = (
    ("type", "KIND", False, f"How data bodies are read: {', '.join(AGENT_TYPES)}."),
    ("response-path", "PATH", False, "Where the answer stands in a data body."),
    ("otlp-service-name", "NAME", False, "The service.name of its OpenTelemetry traces."),
    ("workflow-id", "ID", True, "An n8n workflow of its own; may be repeated."),
    ("chatflow-id", "ID", True, "A Flowise chatflow of its own; may be repeated."),
    ("timezone", "ZONE", False, "Time zone of the dates in its test cases, such as Europe/Madrid."),
    ("n8n-base-url", "URL", False, "Where the API of its n8n answers."),
    ("n8n-api-key-env", "NAME", False, "The environment variable that holds the key to it."),
)
"""Options that set a key of the table: name, metavar, repeatable, help."""

LISTS = {"workflow-id": "workflow_ids", "chatflow-id": "chatflow_ids"}
UNSET = ("type", "response-path", "otlp-service-name", "workflow-ids", "chatflow-ids", "timezone",
         "legacy-external-id-upsert", "n8n")  # fmt: skip


def _field_options(command: Any) -> Any:
    """The options of ``FIELDS``, and the one flag."""
    command = click.option(
        "--legacy-external-id-upsert/--no-legacy-external-id-upsert",
        default=None,
        help="A data body replaces the one with the same externalId.",
    )(command)
    for name, metavar, repeatable, text in reversed(FIELDS):
        kind = click.Choice(AGENT_TYPES) if name == "type" else None
        command = click.option(
            f"--{name}",
            type=kind,
            metavar=None if kind else metavar,
            multiple=repeatable,
            help=text,
        )(command)
    return command


def _fields(options: Mapping[str, Any]) -> dict[str, Any]:
    """The keys of ``[[agents]]`` that the options set."""
    fields: dict[str, Any] = {}
    n8n = {}
    for name, value in options.items():
        if value is None or value == () or name in ("workspace", "as_json"):
            continue
        option = name.replace("_", "-")
        if option in LISTS:
            fields[LISTS[option]] = list(dict.fromkeys(value))
        elif name.startswith("n8n_"):
            n8n[name.removeprefix("n8n_")] = value
        else:
            fields[name] = value
    return fields | ({"n8n": n8n} if n8n else {})


@click.group("agents", cls=Group, invoke_without_command=True)
@workspace_option
@json_option
@click.pass_context
def command(ctx: click.Context, workspace: Path, as_json: bool) -> None:
    """The agents whose traces arrive here: list, add, edit, remove.

    They stand in tracedesk.toml; a running desk follows every change at once.
    """
    if ctx.invoked_subcommand is None:
        _list(find(workspace), as_json)


@command.command("list")
@workspace_option
@json_option
@click.pass_context
def list_(ctx: click.Context, /, **_: Any) -> None:
    """List the agents, as `tracedesk agents` does."""
    _list(find(inherited(ctx, "workspace")), inherited(ctx, "as_json"))


def _list(workspace: "Workspace", as_json: bool) -> None:
    from tracedesk.roster import routes

    entries = _roster(workspace).agents
    if as_json:
        print_json({"agents": [_document(entry, workspace) for entry in entries]})
        return
    rows = []
    for entry in entries:
        agent = entry.agent
        by = "; ".join(routes(agent, workspace)) if agent else "not configured any more"
        names = ", ".join(key.name for key in entry.keys)
        kind = agent.type if agent else "–"
        rows.append([entry.name, kind, by or "its id or key", f"{entry.traces:,}", names, entry.id])
    print_table(COLUMNS, rows)
    if not workspace.has_agents:
        click.echo("none is configured, so local takes everything; tracedesk agents add NAME")


def _roster(workspace: "Workspace") -> "Roster":
    from tracedesk.desk import Options
    from tracedesk.roster import read_roster
    from tracedesk.store.errors import StoreError

    desk = open_desk(workspace, Options(listen=False))
    try:
        return read_roster(desk.store, workspace)
    except StoreError as fault:
        fail(str(fault))
    finally:
        desk.stop()


def _document(entry: "AgentEntry", workspace: "Workspace") -> dict[str, Any]:
    return {
        "id": entry.id,
        "name": entry.name,
        "configured": entry.agent is not None and workspace.has_agents,
        **(_settings(entry.agent) if entry.agent else {}),
        "traceCount": entry.traces,
        "keys": [{"id": key.id, "name": key.name, "key": key.masked} for key in entry.keys],
    }


def _settings(agent: Agent) -> dict[str, Any]:
    return {
        "type": agent.type,
        "responsePath": agent.response_path,
        "otlpServiceName": agent.otlp_service_name,
        "workflowIds": list(agent.workflow_ids),
        "chatflowIds": list(agent.chatflow_ids),
        "timezone": agent.timezone,
        "legacyExternalIdUpsert": agent.legacy_external_id_upsert,
    }


@command.command("add")
@click.argument("name")
@click.option("--id", "agent_id", metavar="UUID", help="Its id; one is made when left out.")
@_field_options
@workspace_option
@json_option
@click.pass_context
def add(
    ctx: click.Context,
    /,
    name: str,
    agent_id: str | None,
    **options: Any,
) -> None:
    """Add an agent to tracedesk.toml."""
    from tracedesk.config_edit import add_agent
    from tracedesk.workspace import ConfigError

    here = find(inherited(ctx, "workspace"))
    if agent_id is not None:
        options["id"] = agent_id
    try:
        agent = add_agent(here.root, {"name": name, **_fields(options)})
    except ConfigError as fault:
        fail(str(fault))
    _told(ctx, agent, "added")
    if not here.has_agents:
        click.echo("it takes the place of local, whose stored traces keep that name", err=True)


@command.command("edit")
@click.argument("name_or_id")
@click.option("--name", metavar="NAME", help="A new name; id and traces stay.")
@_field_options
@click.option(
    "--unset", multiple=True, type=click.Choice(UNSET), help="Take a setting out; repeatable."
)
@workspace_option
@json_option
@click.pass_context
def edit(
    ctx: click.Context,
    /,
    name_or_id: str,
    unset: Sequence[str],
    **options: Any,
) -> None:
    """Change settings of an agent. Ids given replace the ones there."""
    from tracedesk.config_edit import edit_agent
    from tracedesk.workspace import ConfigError

    here = find(inherited(ctx, "workspace"))
    put, drop = _fields(options), [name.replace("-", "_") for name in unset]
    if not put and not drop:
        fail("nothing to change; tracedesk agents edit --help lists what can be")
    if both := sorted(set(put) & set(drop)):
        fail(f"{both[0].replace('_', '-')} cannot be set and unset at once")
    try:
        agent = edit_agent(here.root, name_or_id, put, drop)
    except ConfigError as fault:
        fail(str(fault))
    _told(ctx, agent, "changed")


@command.command("remove")
@click.argument("name_or_id")
@click.option("--yes", is_flag=True, help="Do not ask.")
@workspace_option
@json_option
@click.pass_context
def remove(ctx: click.Context, name_or_id: str, yes: bool, workspace: Path, as_json: bool) -> None:
    """Remove an agent from tracedesk.toml. Its stored traces stay."""
    from tracedesk.config_edit import configured_agent, remove_agent
    from tracedesk.roster import consequences
    from tracedesk.workspace import ConfigError

    here = find(inherited(ctx, "workspace"))
    try:
        agent = configured_agent(here, name_or_id)
        for line in (told := consequences(_roster(here), agent)):
            click.echo(line, err=True)
        if told and not yes and not _agreed(f"Remove {agent.name}?"):
            fail(f"{agent.name} was not removed; --yes removes it without asking")
        remove_agent(here.root, agent.id)
    except ConfigError as fault:
        fail(str(fault))
    _told(ctx, agent, "removed")


def _agreed(question: str) -> bool:
    if not sys.stdin.isatty():
        return False
    return click.confirm(question, err=True)


def _told(ctx: click.Context, agent: Agent, done: str) -> None:
    if inherited(ctx, "as_json"):
        print_json({"id": agent.id, "name": agent.name, **_settings(agent)})
    else:
        click.echo(f"{done} {agent.name}  {agent.id}")
