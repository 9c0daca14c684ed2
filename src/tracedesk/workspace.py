"""The workspace: the folder a desk works in, and what its ``tracedesk.toml`` says.

The private half, ``.tracedesk/``, holds the database, the log and the lock. It belongs to
its owner alone (0700) and ignores itself for git.
"""

import os
import tomllib
import uuid
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from tracedesk.formats.redaction.settings import RedactionSettings
from tracedesk.model.agent import LOCAL_AGENT, Agent, N8nApi
from tracedesk.model.limits import Limits
from tracedesk.model.price import Price

if TYPE_CHECKING:
    from pydantic import ValidationError

    from tracedesk.config import AgentTable, Config
    from tracedesk.judge.settings import JudgeSettings
    from tracedesk.store.database import Store
    from tracedesk.store.encryption import EncryptionSettings

CONFIG_NAME = "tracedesk.toml"
PRIVATE_NAME = ".tracedesk"
DEFAULT_HOST = "127.0.0.1"
DEFAULT_PORT = 4318
"""Where an OpenTelemetry SDK sends by default."""
DEFAULT_GRPC_PORT = 4317
"""Where one sends by default over gRPC."""

AGENT_NAMESPACE = uuid.UUID("7d6c1c39-5b0e-4c0f-9d55-6e2f54f0a9b1")
"""An agent without an id gets the version-5 UUID of its name, so it stays the same."""


class ConfigError(Exception):
    """``tracedesk.toml`` cannot be used. The text names the file, the key and the mend."""


class EndpointConfig(msgspec.Struct, frozen=True):
    """The ``[endpoint]`` table."""

    host: str = DEFAULT_HOST
    port: int | None = None
    """None: the default port, or the next free one. A number is taken at its word."""
    require_key: bool = False
    strict_canonical: bool = False
    max_body_mib: int = 30
    held_mib: int = 128
    """Most of all bodies together that is in memory at once."""
    request_s: float = 30.0
    """How long a client may take to send the head of a request, or pause in its body."""
    idle_s: float = 75.0
    """After how long without a request a connection is closed."""
    allowed_hosts: tuple[str, ...] = ()
    route_by_workflow: bool = False
    """Let ``metadata.workflowId`` route canonical bodies too (ingestion spec 8, step 3)."""
    grpc: bool | int | None = None
    """OTLP over gRPC: on or off, or its port; None: on where grpcio is installed."""


class Workspace(msgspec.Struct, frozen=True):
    """A folder and its configuration; nothing is created until ``prepare``."""

    root: Path
    agents: tuple[Agent, ...] = (LOCAL_AGENT,)
    endpoint: EndpointConfig = EndpointConfig()
    case_paths: tuple[Path, ...] = ()
    roles: tuple[tuple[str, str], ...] = ()
    """``[reading.map]``: attribute name and the role it plays."""
    redaction: RedactionSettings = RedactionSettings()
    """What is taken out of requests before they are stored."""
    encrypt: bool = False
    """Is the database encrypted at rest?"""
    key_file: Path | None = None
    """Where its key is kept; None: in the system keyring."""
    retention: Limits = Limits()
    """How much is kept."""
    judge: "JudgeSettings | None" = None
    """Who decides semantic assertions; None: nobody."""
    prices: Mapping[str, Price] = {}
    """``[prices]``: what models cost."""

    @property
    def private(self) -> Path:
        return self.root / PRIVATE_NAME

    @property
    def database(self) -> Path:
        return self.private / "traces.db"

    @property
    def encryption(self) -> "EncryptionSettings":
        """How the database is encrypted, for whoever opens it."""
        from tracedesk.store.encryption import EncryptionSettings

        return EncryptionSettings(
            wanted=self.encrypt, key_file=self.key_file, account=str(self.root)
        )

    def open_store(self, *, read_only: bool = False) -> "Store":
        """Open the database as it is configured. Raises StoreError."""
        from tracedesk.store.database import Store

        return Store.open(self.database, read_only=read_only, encryption=self.encryption)

    @property
    def log(self) -> Path:
        return self.private / "tracedesk.log"

    @property
    def lock(self) -> Path:
        """Held by the desk that owns the endpoint; says where it listens."""
        return self.private / "desk.lock"

    @property
    def read_by(self) -> Path:
        """Remembers the settings by which stored traces were read last."""
        return self.private / "read-by"

    def reading_settings(self) -> str:
        """Everything that decides how a trace is read, as text to compare."""
        from tracedesk import __version__

        agents = sorted((a.id, a.type, a.response_path) for a in self.agents)
        return repr((__version__, agents, sorted(self.roles)))

    def prepare(self) -> None:
        """Create ``.tracedesk/``, private to its owner. Raises OSError."""
        self.private.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.chmod(self.private, 0o700)
        ignore = self.private / ".gitignore"
        if not ignore.exists():
            ignore.write_text("*\n")

    @property
    def has_agents(self) -> bool:
        """False while ``local`` stands in for a configured agent."""
        return self.agents[0] is not LOCAL_AGENT

    def agent(self, name_or_id: str) -> Agent | None:
        """The configured agent of that id or name."""
        return next((a for a in self.agents if name_or_id in (a.id, a.name)), None)


def find_workspace(start: Path) -> Workspace:
    """The workspace that ``start`` lies in: the nearest folder upwards with a
    ``tracedesk.toml`` or a ``.tracedesk/``, else ``start`` itself.

    Raises ConfigError when the configuration cannot be used.
    """
    return open_workspace(workspace_root(start))


def workspace_root(start: Path) -> Path:
    """The folder of the workspace that ``start`` lies in."""
    start = start.expanduser().resolve()
    for folder in (start, *start.parents):
        if (folder / CONFIG_NAME).is_file() or (folder / PRIVATE_NAME).is_dir():
            return folder
    return start


def open_workspace(root: Path) -> Workspace:
    """The workspace of exactly this folder. Raises ConfigError."""
    path = root / CONFIG_NAME
    if not path.is_file():
        return Workspace(root=root, case_paths=(root / "testcases",))
    return configured(root, _text(path))


def configured(root: Path, text: str) -> Workspace:
    """The workspace of this folder if its ``tracedesk.toml`` were ``text``. Raises ConfigError."""
    path = root / CONFIG_NAME
    config = _parse(path, text)
    agents = tuple(_agent(entry) for entry in config.agents) or (LOCAL_AGENT,)
    _refuse_twins(path, agents)
    endpoint = config.endpoint
    _refuse_unknown_roles(path, config.reading.map)
    return Workspace(
        root=root,
        agents=agents,
        endpoint=EndpointConfig(
            host=endpoint.host,
            port=endpoint.port,
            require_key=endpoint.require_key,
            strict_canonical=endpoint.strict_canonical,
            max_body_mib=endpoint.max_body_mib,
            held_mib=endpoint.held_mib,
            request_s=endpoint.request_s,
            idle_s=endpoint.idle_s,
            allowed_hosts=tuple(endpoint.allowed_hosts),
            route_by_workflow=endpoint.route_by_workflow,
            grpc=endpoint.grpc,
        ),
        case_paths=tuple(root / p for p in config.testcases.paths),
        roles=tuple(config.reading.map.items()),
        retention=Limits(**config.retention.model_dump()),
        redaction=RedactionSettings(config.redaction.automatic, tuple(config.redaction.paths)),
        encrypt=_encrypt(path, config),
        key_file=_key_file(root, config.storage.key_file),
        judge=_judge(config),
        prices={name: Price(**table.model_dump()) for name, table in config.prices.items()},
    )


def _encrypt(path: Path, config: "Config") -> bool:
    said = {config.encrypt, config.storage.encrypt} - {None}
    if len(said) > 1:
        raise ConfigError(f"{path}: encrypt and storage.encrypt differ; keep one of them")
    return True in said


def _judge(config: "Config") -> "JudgeSettings | None":
    if config.judge is None or config.judge.model == "none":
        return None
    from tracedesk.judge.settings import JudgeSettings

    return JudgeSettings(**config.judge.model_dump())


def _key_file(root: Path, name: str | None) -> Path | None:
    return None if name is None else Path(os.path.abspath(root / Path(name).expanduser()))


def _text(path: Path) -> str:
    try:
        return path.read_bytes().decode()
    except OSError as fault:
        raise ConfigError(f"{path}: cannot be read: {fault.strerror}") from fault
    except UnicodeDecodeError as fault:
        raise ConfigError(f"{path}: not UTF-8 text (byte {fault.start})") from fault


def _parse(path: Path, text: str) -> "Config":
    # pydantic costs a tenth of a second to import, which a workspace without a file never pays
    from pydantic import ValidationError

    from tracedesk.config import Config

    try:
        return Config.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError as fault:
        raise ConfigError(f"{path}: not valid TOML: {fault}") from fault
    except ValidationError as fault:
        raise ConfigError(_explain(path, fault)) from fault


def _explain(path: Path, fault: "ValidationError") -> str:
    from tracedesk.config import known_keys
    from tracedesk.query.names import nearest

    lines = []
    for error in fault.errors():
        *above, last = error["loc"]
        message = error["msg"].removeprefix("Value error, ")
        if error["type"] == "extra_forbidden":
            meant = nearest(str(last), known_keys(above))
            message = "unknown key" + (f"; did you mean {meant!r}?" if meant else "")
        lines.append(f"{path}: {_dotted(error['loc'])}: {message}")
    return "\n".join(lines)


def _dotted(loc: Iterable[int | str]) -> str:
    text = ""
    for step in loc:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else step
    return text


def _agent(entry: "AgentTable") -> Agent:
    return Agent(
        id=str(entry.id or uuid.uuid5(AGENT_NAMESPACE, entry.name)),
        name=entry.name,
        type=entry.type,
        response_path=entry.response_path,
        otlp_service_name=entry.otlp_service_name,
        workflow_ids=tuple(entry.workflow_ids),
        chatflow_ids=tuple(entry.chatflow_ids),
        timezone=entry.timezone,
        legacy_external_id_upsert=entry.legacy_external_id_upsert,
        n8n=None if entry.n8n is None else N8nApi(**entry.n8n.model_dump(exclude_none=True)),
    )


def _refuse_unknown_roles(path: Path, mapping: dict[str, str]) -> None:
    if mapping:
        from tracedesk.reading.settings import check_roles

        if problems := check_roles(mapping.items()):
            raise ConfigError("\n".join(f"{path}: {problem}" for problem in problems))


def _refuse_twins(path: Path, agents: tuple[Agent, ...]) -> None:
    for attribute in ("id", "name", "otlp_service_name"):
        seen: dict[str, str] = {}
        for agent in agents:
            value = getattr(agent, attribute)
            if value is None:
                continue
            value = value.strip()
            if value in seen:
                raise ConfigError(
                    f"{path}: agents {seen[value]!r} and {agent.name!r} have the same {attribute}"
                )
            seen[value] = agent.name
    ids = {agent.id: agent.name for agent in agents}
    for agent in agents:
        if agent.name in ids:
            raise ConfigError(f"{path}: the name {agent.name!r} is the id of {ids[agent.name]!r}")
