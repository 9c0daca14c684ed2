"""Assertions: compiled once from what an author wrote, then decided on many traces."""

from tracedesk.assertions.engine import evaluate
from tracedesk.assertions.problems import Problem
from tracedesk.assertions.registry import TARGETS, Assertion, compile_assertion
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
