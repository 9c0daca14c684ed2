"""``tracedesk decrypt``: an encrypted database turned back into a plain one."""

from pathlib import Path

import click

from tracedesk.commands.common import fail, find, json_option, print_json, workspace_option


@click.command("decrypt")
@workspace_option
@json_option
def command(workspace: Path, as_json: bool) -> None:
    """Turn the encrypted database back into a plain one. Take encrypt = true out of
    tracedesk.toml before; the key stays where it is."""
    from tracedesk.store.encryption import decrypt
    from tracedesk.store.errors import StoreError

    place = find(workspace)
    try:
        key = decrypt(place.database, place.encryption)
    except StoreError as fault:
        fail(str(fault))
    except OSError as fault:
        fail(f"{place.database}: {fault.strerror}")
    if as_json:
        print_json({"database": str(place.database), "encrypted": False, "key": key})
        return
    click.echo(f"{place.database} is not encrypted any more")
    click.echo(f"Its key is still in {key}; copies of the database may need it.")
