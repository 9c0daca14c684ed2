"""``tracedesk encrypt``: the database turned into an encrypted one, before anything else does."""

from pathlib import Path

import click

from tracedesk.commands.common import fail, find, json_option, print_json, workspace_option


@click.command("encrypt")
@workspace_option
@json_option
def command(workspace: Path, as_json: bool) -> None:
    """Encrypt the database now, as the next start would where encrypt = true is set under
    [storage] in tracedesk.toml."""
    from tracedesk.store.encryption import encryption_state
    from tracedesk.store.errors import StoreError

    place = find(workspace)
    if not place.encrypt:
        fail("encrypt = true is not set: put it under [storage] in tracedesk.toml first")
    try:
        before = encryption_state(place.database, place.encryption)
        place.prepare()
        with place.open_store() as store:
            count = store.count()
    except StoreError as fault:
        fail(str(fault))
    except OSError as fault:
        fail(f"{place.private}: {fault.strerror}")
    if as_json:
        print_json(
            {
                "database": str(place.database),
                "encrypted": True,
                "changed": not before.encrypted,
                "traces": count,
                "key": before.key,
            }
        )
        return
    said = "was encrypted before" if before.encrypted else "is encrypted now"
    click.echo(f"{place.database} {said}; its key is in {before.key}")
    if not before.encrypted:
        click.echo("Keep a copy of the key: without it the traces cannot be read.")
