"""The shape of ``tracedesk.toml``, checked by pydantic at the edge and nowhere else."""

from collections.abc import Sequence
from typing import Annotated, Any, Literal
from uuid import UUID
from zoneinfo import available_timezones

from pydantic import AfterValidator, BaseModel, ConfigDict, Field


class Table(BaseModel):
    """A table that knows all its keys."""

    model_config = ConfigDict(extra="forbid")


def _known_timezone(name: str) -> str:
    if name not in available_timezones():
        raise ValueError(f"unknown time zone {name!r}; use a name such as 'Europe/Madrid'")
    return name


class AgentTable(Table):
    """One ``[[agents]]`` entry."""

    id: UUID | None = None
    name: Annotated[str, Field(min_length=1)]
    type: Literal["auto", "custom", "http", "n8n", "flowise"] = "auto"
    response_path: str | None = None
    otlp_service_name: str | None = None
    workflow_ids: list[str] = []
    chatflow_ids: list[str] = []
    timezone: Annotated[str, AfterValidator(_known_timezone)] = "UTC"
    legacy_external_id_upsert: bool = False
    n8n: dict[str, Any] | None = None


class EndpointTable(Table):
    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] | None = None
    require_key: bool = False
    strict_canonical: bool = False
    max_body_mib: Annotated[int, Field(ge=1, le=1024)] = 30
    allowed_hosts: list[str] = []


class TestcasesTable(Table):
    __test__ = False  # the name is the table's; pytest must not collect it
    paths: list[str] = ["testcases"]


class ReadingTable(Table):
    map: dict[str, str] = {}


class Config(Table):
    """The whole file."""

    agents: list[AgentTable] = []
    endpoint: EndpointTable = EndpointTable()
    testcases: TestcasesTable = TestcasesTable()
    reading: ReadingTable = ReadingTable()
    judge: dict[str, Any] | None = None
    prices: dict[str, Any] | None = None
    retention: dict[str, Any] | None = None
    redaction: dict[str, Any] | None = None


TABLES: dict[str, type[Table]] = {
    "agents": AgentTable,
    "endpoint": EndpointTable,
    "testcases": TestcasesTable,
    "reading": ReadingTable,
}


def known_keys(above: Sequence[int | str]) -> list[str]:
    """The keys that may stand in the table at this path, for did-you-mean."""
    model = TABLES.get(str(above[0]), Config) if above else Config
    return list(model.model_fields)
