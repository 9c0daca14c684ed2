"""``tracedesk schema``: the JSON Schema of a test-case file, for editors."""

import sys
from pathlib import Path

import click
import msgspec

from tracedesk.commands.common import fail


@click.command("schema")
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), help="Write it to this file instead."
)
def command(output: Path | None) -> None:
    """Print the JSON Schema of a test-case file.

    An editor that knows it completes keys, targets and matchers and marks what is misspelt. In
    YAML, the first line of the file says where it is:

        # yaml-language-server: $schema=../tracedesk.schema.json
    """
    from tracedesk.testcases.schema import file_schema

    text = msgspec.json.format(msgspec.json.encode(file_schema()), indent=2).decode() + "\n"
    if output is None:
        sys.stdout.write(text)
        return
    try:
        output.write_text(text, encoding="utf-8")
    except OSError as fault:
        fail(f"{output}: cannot be written: {fault.strerror}")
