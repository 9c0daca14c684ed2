"""One look at an n8n: what is new there is fetched and stored, oldest first, each once.

One bad execution never stands in the way of the others: it is named and passed over.
"""

import logging
from collections.abc import Callable, Iterator, Sequence

from tracedesk.endpoint.errors import Refused
from tracedesk.endpoint.intake import Intake, Request
from tracedesk.endpoint.keys import Access
from tracedesk.formats.exports.n8n_export import convert
from tracedesk.formats.exports.records import ExportFault, Record
from tracedesk.formats.saved_request import SOURCE_HEADER
from tracedesk.model.agent import Agent
from tracedesk.n8n_polling.api import Entry, N8nClient, N8nError, UnusableError
from tracedesk.n8n_polling.seen import Seen
from tracedesk.store.database import Store

log = logging.getLogger(__name__)

FIRST_TAKEN = 20
"""Executions taken when an n8n is looked at for the first time: the newest ones."""
RECHECKED = 20
"""Unfinished executions that are no longer listed among the newest, asked for in one look."""
ATTEMPTS = 3
"""Looks in which n8n may fail to give one execution before it is passed over."""

OF_ALL = frozenset({401, 403, 429})
"""Refusals that do not depend on which execution is asked for."""

ROUTED_BY = "n8n polling"


class Look:
    """Looks at one agent's n8n again and again. Used by one thread."""

    def __init__(
        self,
        agent: Agent,
        store: Store,
        intake: Intake,
        seen: Seen,
        skipped: Callable[[str, str], None],
        stopping: Callable[[], bool],
    ) -> None:
        """``skipped`` is told of each execution that is passed over: its id, and why."""
        self._agent = agent
        self._store = store
        self._intake = intake
        self._seen = seen
        self._skipped = skipped
        self._stopping = stopping
        self._failed: dict[str, int] = {}

    def look(self, client: N8nClient) -> int:
        """Store what is new; how many traces that were. Raises N8nError when n8n cannot be
        asked, StoreError or Refused when the store takes nothing."""
        listed = self._listed(client)
        entries = {entry.name: entry for entry in listed if entry.name is not None}
        for name in list(self._seen.waiting)[:RECHECKED]:
            if name not in entries and (found := self._looked_at_again(client, name)) is not None:
                entries[name] = found
        stored = 0
        for name, entry in sorted(entries.items(), key=lambda item: item[1].age_key):
            if self._stopping():
                break
            if name in self._seen.handled:
                continue
            if not entry.finished:
                self._seen.wait_for(name)
            else:
                stored += self._take(client, name)
        return stored

    # -- what is there -----------------------------------------------------------------

    def _listed(self, client: N8nClient) -> list[Entry]:
        """The newest executions, back to those dealt with before."""
        workflows: Sequence[str | None] = self._seen.workflows or (None,)
        found = [entry for workflow in workflows for entry in self._pages(client, workflow)]
        if self._seen.new:
            self._pass_over_older(found)
            self._seen.new = False
        return found

    def _pages(self, client: N8nClient, workflow: str | None) -> Iterator[Entry]:
        cursor: str | None = None
        asked: set[str] = set()
        while not self._stopping():
            entries, cursor = client.page(workflow, cursor)
            yield from entries
            known = self._seen.new or any(e.name in self._seen.handled for e in entries)
            if known or not entries or not cursor or cursor in asked:
                return
            asked.add(cursor)

    def _pass_over_older(self, found: list[Entry]) -> None:
        """Of an n8n that was never looked at only the newest executions are taken."""
        newest_first = sorted(found, key=lambda entry: entry.age_key, reverse=True)
        finished = [entry for entry in newest_first if entry.finished]
        for entry in reversed(finished[FIRST_TAKEN:]):
            if entry.name is not None:
                self._seen.handle(entry.name)

    def _looked_at_again(self, client: N8nClient, name: str) -> Entry | None:
        """One that was not finished and is no longer among the newest."""
        self._seen.wait_for(name)
        try:
            found = client.entry(name)
        except N8nError as error:
            self._not_given(name, error)
            return None
        if found is None:  # n8n deletes old ones
            self._seen.handle(name)
        return found

    # -- taking one --------------------------------------------------------------------

    def _take(self, client: N8nClient, name: str) -> bool:
        """Store one finished execution, unless the store has it."""
        if self._stored(name):
            self._seen.handle(name)
            return False
        try:
            self._store_it(name, client.execution(name))
        except UnusableError as error:
            self._pass_over(name, str(error))
            return False
        except N8nError as error:
            self._not_given(name, error)
            return False
        self._failed.pop(name, None)
        self._seen.handle(name)
        return True

    def _not_given(self, name: str, error: N8nError) -> None:
        """Have it looked at again, though not for ever; raises where the others would fare no
        better."""
        if error.status in OF_ALL:
            raise error
        self._failed[name] = self._failed.get(name, 0) + 1
        if self._failed[name] >= ATTEMPTS:
            self._pass_over(name, f"n8n fails to give it: {error}")
            return
        self._seen.wait_for(name)
        if not error.status:
            raise error

    def _pass_over(self, name: str, reason: str) -> None:
        self._failed.pop(name, None)
        self._seen.handle(name)
        log.warning("n8n execution %r of agent %s: %s", name, self._agent.name, reason)
        self._skipped(name, reason)

    def _stored(self, name: str) -> bool:
        return any(
            row.agent_id == self._agent.id and row.external_id == name
            for row in self._store.find(name)
        )

    def _store_it(self, name: str, execution: bytes) -> None:
        (body,) = convert([Record(execution, {}, None, "")])
        if isinstance(body, ExportFault):
            raise UnusableError(f"{body.place} {body.message}".strip())
        request = Request(
            path=body.path,
            headers={"content-type": "application/json", SOURCE_HEADER: "n8n"}
            | {"x-request-id": name},
            content_type="application/json",
            gzipped=False,
            request_id=name,
            body=body.body,
        )
        try:
            prepared = self._intake.prepare(request, Access((self._agent,)))
        except Refused as refused:
            if refused.status >= 500:
                raise
            raise UnusableError(refused.message) from refused
        prepared.items[0].routed_by = ROUTED_BY
        self._intake.store(prepared)
