"""The ``tracedesk`` command: a list of commands, each imported only when it is called."""

import sys
from collections.abc import Sequence
from importlib import import_module
from typing import NoReturn

import click

COMMANDS: dict[str, tuple[str, str]] = {
    "open": (
        "tracedesk.commands.open",
        "The workbench over a workspace (what bare tracedesk does).",
    ),
    "demo": (
        "tracedesk.commands.demo",
        "The workbench over sample traces, sent to its own endpoint.",
    ),
    "serve": ("tracedesk.commands.serve", "Endpoint and evaluation without a screen."),
    "web": ("tracedesk.commands.web", "The workbench in a browser, on loopback."),
    "import": ("tracedesk.commands.import_", "Store traces from files or folders."),
    "export": ("tracedesk.commands.export", "Write stored traces to files, or to stdout."),
    "send": ("tracedesk.commands.send", "Send a stored trace, or a file, to any endpoint."),
    "list": ("tracedesk.commands.list_", "List stored traces."),
    "mark": ("tracedesk.commands.mark", "Mark stored traces as known good or known bad."),
    "show": ("tracedesk.commands.show", "Show one trace: tree, reading, verdicts."),
    "compare": (
        "tracedesk.commands.compare",
        "Two traces aligned: the first divergence, what differs, verdicts.",
    ),
    "explain": (
        "tracedesk.commands.explain",
        "Where each value of a trace was read from, and why one is blank.",
    ),
    "check": ("tracedesk.commands.check", "Evaluate traces against test cases."),
    "report": (
        "tracedesk.commands.report",
        "Scores, failure matrix and regressions of stored traces.",
    ),
    "agents": ("tracedesk.commands.agents", "List, add, edit and remove agents."),
    "keys": ("tracedesk.commands.keys", "List, create and revoke API keys."),
    "encrypt": ("tracedesk.commands.encrypt", "Encrypt the database, as the next start would."),
    "decrypt": ("tracedesk.commands.decrypt", "Turn an encrypted database into a plain one."),
    "doctor": ("tracedesk.commands.doctor", "Look at everything, and say what to mend."),
    "schema": ("tracedesk.commands.schema", "The JSON Schema of a test-case file, for editors."),
}
"""Name → module that holds ``command``, and its line in the help."""


class LazyGroup(click.Group):
    """A group whose commands are imported when invoked, and whose help imports none."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        command = import_module(COMMANDS[cmd_name][0]).command
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Whatever does not begin with a command is the workbench's: ``tracedesk [WORKSPACE]``."""
        if not args or (args[0] not in COMMANDS and args[0] not in ("--help", "--version")):
            args = ["open", *args]
        return super().parse_args(ctx, args)


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["--help"]})
@click.version_option(package_name="tracedesk")
def cli() -> None:
    """A local workbench for debugging AI-agent traces.

    tracedesk [WORKSPACE] opens the screen and an ingestion endpoint on 127.0.0.1:4318.
    """


def main(argv: Sequence[str] | None = None) -> NoReturn:
    """Run a command and exit: 0 all well, 1 an assertion failed, 2 it could not do its work."""
    try:
        cli.main(args=list(argv) if argv is not None else None, prog_name="tracedesk")
    except BrokenPipeError:  # the reader of a pipe left, as `tracedesk list | head` does
        sys.stderr.close()
    sys.exit(0)
