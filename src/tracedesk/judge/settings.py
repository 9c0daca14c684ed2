"""How the judge is configured, and what can be told to be wrong without asking anybody."""

import os
from collections.abc import Mapping
from importlib.util import find_spec

import msgspec

from tracedesk.model.judgement import DEFAULT_THRESHOLD

HEURISTIC = "heuristic"
"""The model name of the offline stand-in."""

INSTALL = "install it with: pip install 'tracedesk[judge]'"


class JudgeSettings(msgspec.Struct, frozen=True, kw_only=True):
    """The ``[judge]`` table. Times are seconds, money is USD; None does not limit."""

    model: str
    """``provider:name`` as pydantic-ai knows it; any name with a ``base_url``; ``heuristic``."""
    base_url: str | None = None
    """An OpenAI-compatible server, such as http://127.0.0.1:11434/v1."""
    api_key_env: str | None = None
    """Environment variable that holds the key."""
    threshold: float = DEFAULT_THRESHOLD
    samples: int = 1
    temperature: float = 0.0
    answer: str = "auto"
    """How the typed answer comes: ``tool``, ``json`` (the server's JSON mode with a schema), or
    ``auto``: a tool call, with JSON text accepted from models that cannot call one."""
    include_trace: bool = False
    max_chars: int = 200_000
    """Longest text that is sent, in characters; a longer one is an error, not cut."""
    concurrency: int = 4
    requests_per_minute: int | None = None
    timeout_s: float = 60.0
    """Of one call."""
    retries: int = 3
    """Further attempts after a refused connection, 429, 5xx or a time-out."""
    wait_s: float = 600.0
    """How long ``tracedesk check`` waits for all answers."""
    budget_usd_per_day: float | None = None
    budget_usd_per_run: float | None = None
    budget_calls_per_day: int | None = None
    budget_calls_per_run: int | None = None

    @property
    def heuristic(self) -> bool:
        return self.model == HEURISTIC

    @property
    def limits_money(self) -> bool:
        return self.budget_usd_per_day is not None or self.budget_usd_per_run is not None

    @property
    def limits_days(self) -> bool:
        return self.budget_usd_per_day is not None or self.budget_calls_per_day is not None


class UnusableError(Exception):
    """The judge cannot be asked as it is configured. The text says what to do."""


def fault_of(settings: JudgeSettings, environ: Mapping[str, str] = os.environ) -> str:
    """What keeps the judge from being asked, as far as it can be told at a glance; blank when
    nothing does."""
    if settings.heuristic:
        return ""
    if settings.base_url is None and ":" not in settings.model:
        return (
            f"[judge] model {settings.model!r} names no provider; write it as"
            f" 'provider:{settings.model}', or set base_url to an OpenAI-compatible server"
        )
    if find_spec("pydantic_ai") is None:
        return f"the judge needs pydantic-ai, which is not installed; {INSTALL}"
    name = settings.api_key_env
    if name is not None and not environ.get(name):
        return f"[judge] api_key_env: the environment variable {name} is not set; export it"
    return ""
