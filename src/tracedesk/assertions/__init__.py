"""Assertions: compiled once from what an author wrote, then decided on many traces."""

from tracedesk.assertions.assertion import Assertion
from tracedesk.assertions.engine import evaluate
from tracedesk.assertions.problems import Problem
from tracedesk.assertions.registry import TARGETS, compile_assertion
from tracedesk.assertions.settings import Price, Settings

__all__ = [
    "TARGETS",
    "Assertion",
    "Price",
    "Problem",
    "Settings",
    "compile_assertion",
    "evaluate",
]
