"""The shape of ``tracedesk.toml``, checked by pydantic at the edge and nowhere else."""

import re
from collections.abc import Sequence
from typing import Annotated, Literal
from uuid import UUID
from zoneinfo import available_timezones

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StrictBool,
    StrictInt,
    model_validator,
)

from tracedesk.formats.redaction.settings import path_problem


class Table(BaseModel):
    """A table that knows all its keys."""

    model_config = ConfigDict(extra="forbid")


def _known_timezone(name: str) -> str:
    if name not in available_timezones():
        from tracedesk.query.names import nearest

        meant = nearest(name, sorted(available_timezones()))
        mend = f"did you mean {meant!r}?" if meant else "use a name such as 'Europe/Madrid'"
        raise ValueError(f"unknown time zone {name!r}; {mend}")
    return name


def _plain_name(name: str) -> str:
    if name != name.strip() or not name.isprintable():
        raise ValueError("a name is one line of printable characters, without blanks around it")
    return name


def _says_something(text: str) -> str:
    if not text.strip():
        raise ValueError("must not be blank; leave the key out instead")
    return text


def _web_address(url: str) -> str:
    if not re.match(r"https?://[^\s/]+\S*$", url):
        raise ValueError(
            "must begin with http:// or https://, such as http://127.0.0.1:5678/api/v1"
        )
    return url


def _variable_name(name: str) -> str:
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
        raise ValueError("is the name of an environment variable, such as N8N_API_KEY")
    return name


Said = Annotated[str, AfterValidator(_says_something)]


class N8nTable(Table):
    """Where an agent's n8n answers, and the variable that holds the key to it."""

    base_url: Annotated[str, AfterValidator(_web_address)]
    api_key_env: Annotated[str, AfterValidator(_variable_name)] | None = None
    """The *name* of an environment variable; a key itself never stands in the file."""
    every_s: Annotated[float, Field(ge=1, le=86_400, allow_inf_nan=False)] | None = None


class AgentTable(Table):
    """One ``[[agents]]`` entry."""

    id: UUID | None = None
    name: Annotated[str, Field(min_length=1, max_length=100), AfterValidator(_plain_name)]
    type: Literal["auto", "custom", "http", "n8n", "flowise"] = "auto"
    response_path: Said | None = None
    otlp_service_name: Said | None = None
    workflow_ids: list[Said] = []
    chatflow_ids: list[Said] = []
    timezone: Annotated[str, AfterValidator(_known_timezone)] = "UTC"
    legacy_external_id_upsert: bool = False
    n8n: N8nTable | None = None

    @model_validator(mode="after")
    def _n8n_is_polled_as_n8n(self) -> "AgentTable":
        if self.n8n is not None and self.type not in ("auto", "n8n"):
            raise ValueError(f"an agent of type {self.type!r} has no n8n; use type = 'n8n'")
        return self


class EndpointTable(Table):
    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] | None = None
    require_key: bool = False
    strict_canonical: bool = False
    max_body_mib: Annotated[int, Field(ge=1, le=1024)] = 30
    held_mib: Annotated[int, Field(ge=1, le=65_536)] = 128
    request_s: Annotated[float, Field(ge=1, le=3_600, allow_inf_nan=False)] = 30.0
    idle_s: Annotated[float, Field(ge=1, le=86_400, allow_inf_nan=False)] = 75.0
    allowed_hosts: list[str] = []
    route_by_workflow: bool = False
    grpc: StrictBool | Annotated[StrictInt, Field(ge=1, le=65535)] | None = None


class TestcasesTable(Table):
    __test__ = False  # the name is the table's; pytest must not collect it
    paths: list[str] = ["testcases"]


class ReadingTable(Table):
    map: dict[str, str] = {}


def _redaction_path(path: str) -> str:
    if problem := path_problem(path):
        raise ValueError(problem)
    return path


class RedactionTable(Table):
    """What is taken out of requests before they are stored."""

    automatic: StrictBool = False
    paths: list[Annotated[str, AfterValidator(_redaction_path)]] = []


def _limit(value: object) -> object:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < 1e12:
        raise ValueError("must be a number above 0; leave it out for no limit")
    return value


class RetentionTable(Table):
    """How much is kept; a limit that is left out does not limit."""

    days: Annotated[float, BeforeValidator(_limit)] | None = None
    traces: Annotated[int, BeforeValidator(_limit)] | None = None
    megabytes: Annotated[float, BeforeValidator(_limit)] | None = None


class StorageTable(Table):
    """How the database is kept."""

    encrypt: StrictBool | None = None
    key_file: Said | None = None


Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Share = Annotated[float, Field(gt=0, le=1, allow_inf_nan=False)]
Count = Annotated[StrictInt, Field(ge=1)]


class JudgeTable(Table):
    """Who decides semantic assertions, and what that may cost."""

    model: Said
    """``none`` is no judge, ``heuristic`` one that counts words."""
    base_url: Annotated[str, AfterValidator(_web_address)] | None = None
    api_key_env: Annotated[str, AfterValidator(_variable_name)] | None = None
    """The *name* of an environment variable; a key itself never stands in the file."""
    threshold: Share = 0.7
    samples: Count = 1
    temperature: Annotated[float, Field(ge=0, le=2, allow_inf_nan=False)] = 0.0
    answer: Literal["auto", "tool", "json"] = "auto"
    include_trace: StrictBool = False
    max_chars: Count = 200_000
    concurrency: Annotated[StrictInt, Field(ge=1, le=64)] = 4
    requests_per_minute: Count | None = None
    timeout_s: Positive = 60.0
    retries: Annotated[StrictInt, Field(ge=0, le=10)] = 3
    wait_s: Positive = 600.0
    budget_usd_per_day: Positive | None = None
    budget_usd_per_run: Positive | None = None
    budget_calls_per_day: Count | None = None
    budget_calls_per_run: Count | None = None


class PriceTable(Table):
    """What a model costs, in USD per million tokens."""

    input: Annotated[float, Field(ge=0, allow_inf_nan=False)]
    output: Annotated[float, Field(ge=0, allow_inf_nan=False)]


class Config(Table):
    """The whole file."""

    encrypt: StrictBool | None = None
    """Short for ``encrypt`` under ``[storage]``."""
    agents: list[AgentTable] = []
    endpoint: EndpointTable = EndpointTable()
    testcases: TestcasesTable = TestcasesTable()
    reading: ReadingTable = ReadingTable()
    judge: JudgeTable | None = None
    prices: dict[str, PriceTable] = {}
    retention: RetentionTable = RetentionTable()
    redaction: RedactionTable = RedactionTable()
    storage: StorageTable = StorageTable()


TABLES: dict[str, type[Table]] = {
    "agents": AgentTable,
    "agents.n8n": N8nTable,
    "endpoint": EndpointTable,
    "testcases": TestcasesTable,
    "reading": ReadingTable,
    "retention": RetentionTable,
    "redaction": RedactionTable,
    "judge": JudgeTable,
    "storage": StorageTable,
}


def known_keys(above: Sequence[int | str]) -> list[str]:
    """The keys that may stand in the table at this path, for did-you-mean."""
    names = [step for step in above if isinstance(step, str)]
    model = TABLES.get(".".join(names), Config) if names else Config
    return list(model.model_fields)
