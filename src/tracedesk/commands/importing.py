"""Saved requests into the store, through the very intake that serves the endpoint.

Requests are stored in the order they are read, since a later one may replace or extend an
earlier one. Many small ones are on their way at once, so that they share commits.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Sequence

import msgspec

from tracedesk.endpoint.errors import Refused
from tracedesk.endpoint.intake import LARGE, Intake, Request, secret_header
from tracedesk.endpoint.keys import Access
from tracedesk.endpoint.settings import EndpointSettings
from tracedesk.formats.saved import SavedFault, SavedRequest
from tracedesk.model.agent import Agent
from tracedesk.store.database import Store
from tracedesk.store.incoming import Receipt

IN_FLIGHT = 64
"""Small requests waiting for their commit at the same time."""

MAX_REQUEST_ID = 255
"""Characters of an ``x-request-id`` (ingestion spec 2)."""

PATIENCE_S = 60.0
"""How long to wait for room in the write queue; nobody waits for a reply here."""


class Stored(msgspec.Struct, frozen=True):
    """One trace, or part of one, that a request brought."""

    source: str
    line: int | None
    receipt: Receipt


class Outcome(msgspec.Struct):
    """What became of everything that was read."""

    requests: int = 0
    stored: list[Stored] = []
    faults: list[SavedFault] = []


class StoreUnavailableError(Exception):
    """The store can take nothing more; what was stored before stays."""


class Importer:
    """Stores saved requests. ``agent`` overrides whatever the requests say of theirs."""

    def __init__(
        self,
        store: Store,
        agents: Sequence[Agent],
        agent: Agent | None,
        settings: EndpointSettings,
        report: Callable[[Outcome], None] = lambda _: None,
    ) -> None:
        self.outcome = Outcome()
        known = {agent.id: agent for agent in agents}
        self._intake = Intake(settings, store, lambda: known)
        self._access = Access((agent,) if agent else tuple(agents), everyone=True)
        self._report = report
        """Called after each request and fault, for progress."""

    async def run(self, found: Iterable[SavedRequest | SavedFault]) -> Outcome:
        """Store everything that can be; raises StoreUnavailableError when the store fails."""
        pending: deque[asyncio.Task[None]] = deque()
        try:
            for item in found:
                large = isinstance(item, SavedRequest) and len(item.body) > LARGE
                alone = large or isinstance(item, SavedFault)  # so that faults are in order too
                while pending and (alone or len(pending) >= IN_FLIGHT):
                    await pending.popleft()
                if isinstance(item, SavedFault):
                    self._fault(item)
                    continue
                task = asyncio.create_task(self._accept(item))
                if large:  # read in a thread, where it could be overtaken
                    await task
                else:
                    pending.append(task)
            while pending:
                await pending.popleft()
        finally:
            for task in pending:
                task.cancel()
            await asyncio.gather(*pending, return_exceptions=True)
        return self.outcome

    async def _accept(self, item: SavedRequest) -> None:
        request_id = (item.header("x-request-id") or "").strip() or None
        if request_id is not None and len(request_id) > MAX_REQUEST_ID:
            self._fault(_fault_of(item, f"x-request-id is longer than {MAX_REQUEST_ID} characters"))
            return
        request = Request(
            path=item.path,
            headers={k: v for k, v in item.headers.items() if not secret_header(k.lower())},
            content_type=item.content_type,
            gzipped=False,
            request_id=request_id,
            body=item.body,
        )
        try:
            reply = await self._intake.accept(request, self._access)
        except Refused as refused:
            if refused.status >= 500:
                raise StoreUnavailableError(f"{item.where}: {refused.message}") from refused
            self._fault(_fault_of(item, refused.message))
            return
        self.outcome.requests += 1
        for receipt in reply.receipts:
            self.outcome.stored.append(Stored(item.source, item.line, receipt))
        self._report(self.outcome)

    def _fault(self, fault: SavedFault) -> None:
        self.outcome.faults.append(fault)
        self._report(self.outcome)


def _fault_of(item: SavedRequest, message: str) -> SavedFault:
    return SavedFault(item.source, item.line, f"{item.place}: {message}" if item.place else message)
