"""Cases run on a trace because somebody asked for them: drafts and paused ones too."""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future

import msgspec

from tracedesk.assertions import Settings
from tracedesk.evaluation.load import load_trace
from tracedesk.evaluation.pairs import evaluated_case
from tracedesk.evaluation.recorder import Ran, execution_of, ran, settings_key
from tracedesk.evaluation.run import DEFAULT_SETTINGS
from tracedesk.model.agent import Agent
from tracedesk.model.execution import Execution, ExecutionKind
from tracedesk.store.database import Store
from tracedesk.testcases.models import Case


class Replay(msgspec.Struct, eq=False):
    """What was asked for, and who waits for it."""

    trace: str
    cases: tuple[str, ...]
    """Case ids."""
    future: "Future[Execution]" = msgspec.field(default_factory=Future)


def replayed(
    replay: Replay,
    store: Store,
    agents: Mapping[str, Agent],
    roles: tuple[tuple[str, str], ...],
    cases: Sequence[Case],
    now_ns: Callable[[], int],
    base: Settings = DEFAULT_SETTINGS,
) -> Ran | None:
    """Run it among these cases and tell its waiter; what is to be kept, None when it failed or
    nobody waits any more. Never raises."""
    if not replay.future.set_running_or_notify_cancel():
        return None
    try:
        found = _run(replay, store, agents, roles, cases, now_ns, base)
        execution = execution_of(found)
    except Exception as fault:  # whoever asked is told, whatever it was
        replay.future.set_exception(fault)
        return None
    replay.future.set_result(execution)
    return found


def _run(
    replay: Replay,
    store: Store,
    agents: Mapping[str, Agent],
    roles: tuple[tuple[str, str], ...],
    cases: Sequence[Case],
    now_ns: Callable[[], int],
    base: Settings,
) -> Ran:
    by_id = {case.id: case for case in cases}
    unknown = next((case for case in replay.cases if case not in by_id), None)
    if unknown is not None:
        raise LookupError(f"there is no test case '{unknown}'")
    row = store.row(replay.trace)
    if row is None:
        raise LookupError(f"there is no trace '{replay.trace}'")
    started_ns = now_ns()
    agent = agents.get(row.agent_id)
    loaded = load_trace(store, row, agent, roles)
    chosen = [by_id[case] for case in replay.cases]
    return ran(
        loaded,
        ExecutionKind.REPLAY,
        [(case, evaluated_case(case, loaded, agent, base=base)) for case in chosen],
        started_ns=started_ns,
        ended_ns=now_ns(),
        settings=settings_key(agent, roles, base),
    )
