"""The filter language as SQL, so that a filtered list is read by window like any other.

Each term becomes one condition; conditions mean exactly what ``Filter.matches`` means. Where
SQL cannot say it, it calls back the function of ``query.filter_terms`` that says it in Python.
"""

import sqlite3
import time
from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec

from tracedesk.model.trace import Kind
from tracedesk.query.filter_terms import PENDING, Filter, Term, metadata_fits, name_fits
from tracedesk.query.names import fold
from tracedesk.store.errors import StoreError

AgentNames = Callable[[], Mapping[str, str]]
VerdictOf = Callable[[str], str | None]
Condition = tuple[str, list[Any]]

_INT_MAX = 2**63 - 1
_STATUS = "coalesce(status, CASE WHEN error_count > 0 THEN 'failed' ELSE 'completed' END)"
_SPANS_OF_TRACE = "SELECT 1 FROM span WHERE span.trace = trace.number"


def add_functions(connection: sqlite3.Connection, verdict_of: VerdictOf) -> None:
    """Give a read connection the functions that conditions call back."""

    def verdict(trace_id: str) -> str:
        return verdict_of(trace_id) or PENDING

    connection.create_function("name_fits", 4, _name_fits, deterministic=True)
    connection.create_function("metadata_fits", 3, _metadata_fits, deterministic=True)
    connection.create_function("verdict_of", 1, verdict)


def where(
    found: Filter | None,
    agent_id: str | None,
    agent_names: AgentNames | None,
    *,
    verdicts: bool,
) -> Condition:
    """The WHERE clause (with the word, or blank) and its parameters."""
    conditions: list[Condition] = []
    if agent_id is not None:
        conditions.append(("agent_id = ?", [agent_id]))
    for term in found.terms if found else ():
        if term.key == "verdict" and not verdicts:
            raise StoreError(
                "verdicts are not known here, so `verdict:` cannot filter",
                "Leave the term out, or use the workbench or `check`.",
            )
        conditions.append(_condition(term, agent_names))
    if not conditions:
        return "", []
    return (
        "WHERE " + " AND ".join(f"({sql})" for sql, _ in conditions),
        [parameter for _, parameters in conditions for parameter in parameters],
    )


def _condition(term: Term, agent_names: AgentNames | None) -> Condition:
    if term.key == "agent":
        sql, parameters = _agent(term, agent_names)
    else:
        build = _BUILDERS.get(term.key) or _BUILDERS[term.kind]
        parts = [build(term, value) for value in term.values]
        sql = " OR ".join(part for part, _ in parts)
        parameters = [parameter for _, values in parts for parameter in values]
    return (f"({sql}) IS NOT TRUE" if term.negated else sql), parameters


def _agent(term: Term, agent_names: AgentNames | None) -> Condition:
    """Agents are few: the names are matched here, SQL sees ids. An id is matched as a name is."""
    names = agent_names() if agent_names is not None else {}
    ids = [
        agent_id
        for agent_id, name in names.items()
        if any(name_fits(value, name, term.operator) for value in term.values)
    ]
    parts = [_name(term, value, "agent_id") for value in term.values]
    sql = " OR ".join([f"agent_id IN ({', '.join('?' * len(ids))})", *(part for part, _ in parts)])
    return sql, [*ids, *(parameter for _, values in parts for parameter in values)]


def _name(term: Term, value: str, column: str) -> Condition:
    """``column`` contains or equals the value, folded.

    SQL's own LIKE folds ASCII, so it answers for ASCII values, or at least sorts out most rows
    before Python is asked. (Letters that only Unicode folds into ASCII, as K for kelvin, are
    not found that way.)
    """
    tool = term.kind == "tool"
    wanted = fold(value, tool)
    fits: Condition = (f"name_fits(?, {column}, ?, ?)", [value, term.operator, tool])
    if not wanted.isascii():
        return fits
    like: Condition = (f"{column} LIKE ? ESCAPE '\\'", [f"%{_escaped(wanted)}%"])
    if tool:  # a space stands for any run of separators
        like[1][0] = like[1][0].replace(" ", "%")
    elif term.operator != "=":
        return like
    return f"({like[0]} AND {fits[0]})", [*like[1], *fits[1]]


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def _in_spans(term: Term, value: str) -> Condition:
    only_tools = f" AND kind = {int(Kind.TOOL)}" if term.key == "tool" else ""
    name, parameters = _name(term, value, "span.name")
    alias, more = _name(term, value, "span.aliases")
    return (
        f"EXISTS ({_SPANS_OF_TRACE}{only_tools} AND ({name} OR {alias}))",
        [*parameters, *more],
    )


def _text(term: Term, value: str) -> Condition:
    columns = ("name", "external_id", "trace_id", "id", "response", "input", "metadata")
    parts = [_name(term, value, f"trace.{column}") for column in columns]
    parts.append(_in_spans(term, value))
    return (
        " OR ".join(sql for sql, _ in parts),
        [parameter for _, values in parts for parameter in values],
    )


def _metadata(term: Term, value: str) -> Condition:
    prefilter = fold(value)
    if prefilter.isascii() and prefilter.isalnum() and not prefilter.isdigit():
        return (
            "metadata LIKE ? AND metadata_fits(metadata, ?, ?)",
            [f"%{prefilter}%", term.path, value],
        )
    return "metadata_fits(metadata, ?, ?)", [term.path, value]


def _id(term: Term, value: str) -> Condition:
    columns = ("id", "trace_id", "external_id")
    wanted = f"{_escaped(fold(value))}%"
    return " OR ".join(f"{column} LIKE ? ESCAPE '\\'" for column in columns), [wanted] * 3


def _number(column: str) -> Callable[[Term, Any], Condition]:
    def build(term: Term, value: float) -> Condition:
        operator = "=" if term.operator == ":" else term.operator
        return f"{column} {operator} ?", [value]

    return build


def _time(term: Term, value: Any) -> Condition:
    at = max(-_INT_MAX, min(_INT_MAX, value.ns(time.time_ns())))
    return f"received_ns {'>=' if term.key == 'since' else '<'} ?", [at]


def _warning(term: Term, value: str) -> Condition:
    code, parameters = _name(term, value, "json_extract(w.value, '$.code')")
    return f"EXISTS (SELECT 1 FROM json_each(trace.warnings) w WHERE {code})", parameters


_BUILDERS: Final[Mapping[str, Callable[[Term, Any], Condition]]] = {
    "status": lambda term, value: (f"{_STATUS} = ?", [value]),
    "format": lambda term, value: ("format LIKE ?", [f"{value}%"]),
    "verdict": lambda term, value: ("verdict_of(trace.id) = ?", [value]),
    "mark": lambda term, value: ("coalesce(mark, 'none') = ?", [value]),
    "tool": _in_spans,
    "span": _in_spans,
    "name": lambda term, value: _name(term, value, "trace.name"),
    "external": lambda term, value: _name(term, value, "external_id"),
    "warning": _warning,
    "id": _id,
    "dur": _number("duration_ms"),
    "tokens": _number("tokens"),
    "spans": _number("span_count"),
    "errors": _number("error_count"),
    "time": _time,
    "text": _text,
    "metadata": _metadata,
}
"""By key, else by kind."""


def _name_fits(wanted: str, names: str | None, operator: str, tool: int) -> bool | None:
    if names is None:
        return None
    return any(name_fits(wanted, name, operator, tool=bool(tool)) for name in names.split("\n"))


def _metadata_fits(metadata: str | None, path: str, wanted: str) -> bool | None:
    return None if metadata is None else metadata_fits(msgspec.json.decode(metadata), path, wanted)
