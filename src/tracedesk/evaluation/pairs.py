"""One trace against the cases of a plan, finding only what is not known yet.

Pure but for logging: the caller keeps the results. A case that fails unexpectedly becomes
an ``error``; it never takes the other cases with it.
"""

import logging
from collections.abc import Callable, Mapping

import msgspec

from tracedesk.assertions import Settings
from tracedesk.assertions.trace_index import forget
from tracedesk.evaluation.load import Loaded
from tracedesk.evaluation.memo import Full, Known, Pair, pair_of
from tracedesk.evaluation.plan import CHANGED, Plan
from tracedesk.evaluation.run import DEFAULT_SETTINGS, evaluate_case
from tracedesk.model.agent import Agent
from tracedesk.model.verdict import CaseVerdict, Outcome, Verdict
from tracedesk.testcases.models import Case

log = logging.getLogger(__name__)

LIMIT_S = 10.0
"""How long one case may take on one trace (see ``run.evaluate_case``)."""


class Found(msgspec.Struct, frozen=True):
    """The results of one trace, brought up to date."""

    pairs: tuple[Pair, ...]
    full: Full
    evaluated: int
    """How many pairs had to be evaluated."""
    ran: tuple[Case, ...] = ()
    """The cases of which nothing was known before, less those that wait for a judge."""

    @property
    def new(self) -> list[tuple[Case, CaseVerdict]]:
        """What they said."""
        return [(case, self.full.cases[case.id][1]) for case in self.ran]


def find_pairs(
    plan: Plan,
    loaded: Loaded,
    agent: Agent | None,
    known: Known | None,
    full: Full | None,
    *,
    with_evidence: bool,
    between: Callable[[], None],
    base: Settings = DEFAULT_SETTINGS,
) -> Found:
    """Bring the results of one trace up to date with its revision and a plan.

    ``with_evidence`` also evaluates what is known only in brief. ``between`` is called
    between cases; nothing is raised but what it raises.
    """
    revision = loaded.row.revision
    if known is not None and known.revision != revision:
        known = None
    if full is not None and full.revision != revision:
        full = None
    carried = plan.carried_from(known.plan) if known else (CHANGED,) * len(plan.cases)
    verdicts = full.checks if full else {}
    pairs: list[Pair] = []
    details: dict[str, tuple[str, CaseVerdict]] = {}
    evaluated = 0
    ran: list[Case] = []
    for case, index in zip(plan.cases, carried, strict=True):
        kept = full.cases.get(case.id) if full else None
        awaited = known is not None and index != CHANGED and known.pairs[index].awaited
        if kept is not None and kept[0] == case.digest and not awaited:
            details[case.id] = kept
        settled = known is not None and index != CHANGED and not awaited
        if known is not None and settled and (case.id in details or not with_evidence):
            pairs.append(known.pairs[index])
            continue
        if case.id not in details:
            details[case.id] = (case.digest, evaluated_case(case, loaded, agent, verdicts, base))
            evaluated += 1
            between()
        pair = pair_of(details[case.id][1])
        if not pair.awaited and (known is None or index == CHANGED or awaited):
            ran.append(case)
        pairs.append(pair)
    forget()  # else what was prepared of a large trace would stay until the next is evaluated
    full = Full(revision, details, plan.cases)
    return Found(tuple(pairs), full, evaluated, tuple(ran))


def evaluated_case(
    case: Case,
    loaded: Loaded,
    agent: Agent | None,
    verdicts: Mapping[str, Verdict] = {},
    base: Settings = DEFAULT_SETTINGS,
) -> CaseVerdict:
    """One pair, within ``LIMIT_S``. Never raises."""
    try:
        return evaluate_case(case, loaded.trace, loaded.reading, agent, verdicts, LIMIT_S, base)
    except Exception as fault:
        log.exception("case %s could not be evaluated on trace %s", case.id, loaded.row.id)
        return CaseVerdict(
            case=case.id,
            name=case.name,
            file=case.file,
            line=case.line,
            outcome=Outcome.ERROR,
            score=None,
            weight=case.weight,
            reason=f"could not be evaluated: {type(fault).__name__}: {fault}",
        )
