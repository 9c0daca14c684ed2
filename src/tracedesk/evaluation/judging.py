"""Settings with a judge in them: from a configuration, for whoever evaluates.

The judge is given the workspace's database as its shelf. Nothing is asked or imported for cases
that have no use for a judge.
"""

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from msgspec.structs import replace

from tracedesk.assertions import Settings
from tracedesk.assertions.combine import semantic_in
from tracedesk.evaluation.gate import Result, evaluated_again
from tracedesk.model.agent import Agent
from tracedesk.model.judgement import Judge
from tracedesk.model.price import Price
from tracedesk.testcases.models import Case

if TYPE_CHECKING:
    from tracedesk.judge.judge import Progress, StoppableJudge
    from tracedesk.judge.settings import JudgeSettings
    from tracedesk.store.database import Store


def judge_of(
    settings: "JudgeSettings | None",
    prices: Mapping[str, Price],
    store: "Store | None",
    tell: "Callable[[Progress], None]" = lambda _: None,
) -> "StoppableJudge | None":
    """The configured judge, not yet asked anything; without a store it remembers for as long as
    it lives."""
    if settings is None:
        return None
    from tracedesk.judge.judge import open_judge
    from tracedesk.store.judgements import Judgements

    return open_judge(settings, Judgements(store) if store else None, prices, tell=tell)


def base_settings(
    judge: Judge | None, settings: "JudgeSettings | None", prices: Mapping[str, Price]
) -> Settings:
    """What all agents have in common."""
    return Settings(judge=judge, prices=prices, identity=_identity(settings, prices))


def _identity(settings: "JudgeSettings | None", prices: Mapping[str, Price]) -> str:
    if settings is None and not prices:
        return ""
    judge = settings and replace(
        settings, api_key_env=None, **dict.fromkeys(_NO_MATTER), **_DEFAULTS
    )
    told = repr((judge, sorted(prices.items())))
    return hashlib.sha256(told.encode()).hexdigest()[:16]


_NO_MATTER = (
    "requests_per_minute",
    "budget_usd_per_day",
    "budget_usd_per_run",
    "budget_calls_per_day",
    "budget_calls_per_run",
)
_DEFAULTS = {"concurrency": 0, "timeout_s": 0.0, "retries": 0, "wait_s": 0.0}
"""What changes how a judge is asked, but no answer."""


def want_judge(cases: Iterable[Case]) -> bool:
    """Does any active case have something for a judge?"""
    return any(semantic_in(found) for case in cases if case.active for found in case.assertions)


def judged_again(
    results: Sequence[Result], agents: Sequence[Agent], base: Settings
) -> list[Result]:
    """The results, with those that waited for the judge evaluated once more."""
    return [
        evaluated_again(result, agents, base)
        if any(verdict.awaited for verdict in result.verdict.verdicts)
        else result
        for result in results
    ]
