"""A kind of assertion: its name, its fields, and how it is built."""

from collections.abc import Callable
from typing import Any

import msgspec

from tracedesk.assertions.fields import Field
from tracedesk.assertions.finding import Rule
from tracedesk.query.problems import Place, Report

Build = Callable[[dict[str, Any], Place, Report], Rule | None]
"""Builds a rule from read fields; None after reporting what is wrong with them together."""


class Kind(msgspec.Struct, frozen=True, kw_only=True):
    """One value of ``target``."""

    target: str
    fields: tuple[Field, ...]
    build: Build
    stage: str
    """Stage of the failure matrix when the rule itself cannot tell a better one."""
    doc: str
