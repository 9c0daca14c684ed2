"""The receiving half of a desk: the endpoint, and all that only the desk which owns it does.

That desk alone removes what is beyond the limits, keeps the trees of large traces, polls n8n and
records executions. A desk that is attached waits for the owner's end and then does all of it.
"""

import contextlib
import logging
import threading
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import msgspec

from tracedesk.evaluating import Evaluating
from tracedesk.listening import EndpointState, Listener
from tracedesk.model.agent import Agent
from tracedesk.owner import Heir, Owner
from tracedesk.store.rows import TraceRow
from tracedesk.workspace import DEFAULT_PORT, EndpointConfig, Workspace

if TYPE_CHECKING:
    from tracedesk.n8n_polling.poller import Polling
    from tracedesk.retention import Keeper
    from tracedesk.sketching import SketchKeeper

log = logging.getLogger(__name__)


class Options(msgspec.Struct, frozen=True):
    """What the command line or a test overrides; None leaves the configuration's word."""

    host: str | None = None
    port: int | None = None
    require_key: bool | None = None
    strict_canonical: bool | None = None
    route_by_workflow: bool | None = None
    quiet_s: float = 2.0
    """How long an OTLP trace must be quiet before it is evaluated (ingestion spec 9)."""
    listen: bool = True
    """False for commands that only read."""

    def over(self, config: EndpointConfig) -> EndpointConfig:
        """The configuration with what was overridden."""
        overrides = {
            name: value
            for name in ("host", "port", "require_key", "strict_canonical", "route_by_workflow")
            if (value := getattr(self, name)) is not None
        }
        return msgspec.structs.replace(config, **overrides)

    def after(self, owner: Owner) -> "Options":
        """To listen where and as another desk did that ended."""
        if owner.config is None:
            return self
        rules = owner.config
        return msgspec.structs.replace(
            self,
            host=rules.host,
            port=urlsplit(owner.url or "").port or rules.port,
            require_key=rules.require_key or self.require_key,
            strict_canonical=rules.strict_canonical,
            route_by_workflow=rules.route_by_workflow,
        )


class Receiving(Evaluating):
    """What ``Desk`` is towards those who send."""

    options: Options
    _listener: Listener
    _heir: Heir | None = None
    _keeper: "Keeper | None" = None
    _polling: "Polling | None" = None
    _sketcher: "SketchKeeper | None" = None

    def __init__(self, workspace: Workspace, options: Options) -> None:
        self.workspace = workspace
        self.options = options
        self.endpoint = EndpointState("starting" if options.listen else "off")
        self._listener = Listener(workspace, options.over(workspace.endpoint))
        self._stopping = threading.Event()
        self._changing = threading.Lock()

    def _receive(self) -> None:
        """Listen; or attach, and wait to become the owner."""
        if self.options.listen:
            self._now(self._listener.open(self.store, self._agents_now, self.describe))
        if self.endpoint.state == "attached":
            self._heir = Heir(self.workspace, self._succeed)
            self._heir.start()

    def _own(self) -> None:
        """Do what the owner of the endpoint does beside listening."""
        self._keep_within_limits()
        self._keep_sketches()
        self._poll_n8n()
        if self.endpoint.state == "listening":
            self._now(self._listener.open_grpc(self.endpoint, self.store, self._agents_now))

    def _succeed(self) -> bool:
        """The owner of the endpoint ended: become it, unless another desk was quicker."""
        before = self.endpoint
        attached = self._listener.claim()
        if attached is not None:
            self._now(attached)
            return False
        with self._changed() as at_work:
            if not at_work:
                self._listener.close()
                return True
            log.info("no longer %s; taking over", before.message)
            self._now(EndpointState("starting", before.url, "the owner ended, taking over"))
            try:
                self._now(self._listener.take_over(self.store, self._agents_now, self.describe))
                self._evaluate_anew()
                self._own()
            except Exception as fault:  # the screen must live and say so
                log.exception("the endpoint could not be taken over")
                self._now(EndpointState("failed", message=str(fault)))
            log.info("%s: %s", self.endpoint.state, self.endpoint.message)
        return True

    @contextlib.contextmanager
    def _changed(self) -> Iterator[bool]:
        """One change of how the desk works at a time; false once it is being stopped."""
        with self._changing:
            yield not self._stopping.is_set()

    def _stop_changes(self) -> None:
        """From here on nothing is taken over; what is being changed just now is done."""
        self._stopping.set()
        if self._heir is not None:
            self._heir.stop()
        with self._changing:
            pass

    def _keep_within_limits(self) -> None:
        """Have ``[retention]`` observed, if this is the desk that owns the endpoint."""
        if self._keeper is not None:
            self._keeper.stop()
        if self.owns_endpoint:
            from tracedesk.retention import Keeper

            self._keeper = Keeper(self.store, self.workspace.retention)
            self._keeper.start()

    def _keep_sketches(self) -> None:
        """Have the trees of large traces kept, if this is the desk that owns the endpoint."""
        if self.owns_endpoint and self._sketcher is None:
            from tracedesk.sketching import SketchKeeper

            self._sketcher = SketchKeeper(self.store)
            self._sketcher.start()

    def _poll_n8n(self) -> None:
        """Look at the n8n of agents that have one, if this is the desk that owns the endpoint."""
        if self._polling is not None:
            self._polling.stop()
            self._polling = None
        agents = polled(self._agents.values())
        if agents and self.endpoint.state == "listening":
            from tracedesk.n8n_polling.poller import Polling

            settings, folder = self._listener.settings(), self.workspace.private
            self._polling = Polling(agents, self.store, settings, folder, self.say)
            self._polling.start()

    def _now(self, endpoint: EndpointState) -> None:
        self.endpoint = endpoint
        self._changes += 1

    def _agents_now(self) -> Mapping[str, Agent]:
        return self._agents

    def describe(self, row: TraceRow) -> Mapping[str, Any]:
        """The JSON object of ``GET /public/traces/{id}`` and ``show --json``."""
        raise NotImplementedError

    # -- for those who send ---------------------------------------------------------------

    def sending_examples(self) -> str:
        """How to send the first trace, with this desk's real address."""
        from tracedesk.sending.examples import examples

        return examples(self.sending_url, keys_demanded=self.keys_demanded)

    @property
    def sending_url(self) -> str:
        """Where to send, or where it will be as far as is known yet."""
        return self.endpoint.url or f"http://127.0.0.1:{DEFAULT_PORT}"

    @property
    def keys_demanded(self) -> bool:
        """True where the endpoint refuses a request without a key."""
        return self._listener.settings().keys_demanded


def polled(agents: Iterable[Agent]) -> list[Agent]:
    """The agents whose n8n is asked for executions."""
    return [agent for agent in agents if agent.n8n is not None]
