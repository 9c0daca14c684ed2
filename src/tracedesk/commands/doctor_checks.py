"""What ``tracedesk doctor`` looks at: one function a part, each giving findings."""

import sys
from collections.abc import Callable, Iterator, Sequence
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

from tracedesk.commands.doctor_database import (
    check_database,
    check_disk,
    check_refusals,
    check_retention,
    check_traces,
)
from tracedesk.commands.doctor_endpoint import check_endpoint, check_keys
from tracedesk.commands.doctor_finding import Check, Patient, megabytes
from tracedesk.query.text import counted
from tracedesk.store.examine import SQLITE, examine
from tracedesk.workspace import CONFIG_NAME, ConfigError, Workspace, open_workspace, workspace_root

__all__ = ["CHECKS", "Check", "Look", "Patient", "admit", "megabytes"]

SHOWN = 5
"""Faults of one kind that are listed."""

EXTRAS = {
    "grpc": (("grpc",), "OTLP over gRPC"),
    "encryption": (("sqlcipher3", "keyring"), "the database encrypted at rest"),
    "judge": (("pydantic_ai",), "the judge behind semantic assertions"),
    "web": (("textual_serve",), "the workbench in a browser"),
}
"""Extra, the modules it brings, and what for."""


def admit(start: Path, *, in_full: bool = False) -> Patient:
    """Everything the checks look at; a configuration that cannot be used is a finding too."""
    root = workspace_root(start)
    broken = ""
    try:
        workspace = open_workspace(root)
    except ConfigError as fault:
        broken = str(fault)
        workspace = Workspace(root=root, case_paths=(root / "testcases",))
    database = examine(
        workspace.database, workspace.encryption, workspace.retention, in_full=in_full
    )
    return Patient(workspace=workspace, broken=broken, database=database)


def check_python(patient: Patient) -> Iterator[Check]:
    """Python, tracedesk, SQLite."""
    version = ".".join(map(str, sys.version_info[:3]))
    found = f"Python {version}, tracedesk {metadata.version('tracedesk')}, SQLite"
    yield Check("python", f"{found} {SQLITE}")


def check_workspace(patient: Patient) -> Iterator[Check]:
    """The folder, its configuration, and who may look into its private half."""
    workspace = patient.workspace
    config = workspace.root / CONFIG_NAME
    if patient.broken:
        lines = patient.broken.splitlines()
        advice = "Mend the file; until then nothing starts. Defaults are assumed below."
        yield Check("configuration", lines[0], "problem", advice, lines[1:])
    else:
        found = str(config) if config.is_file() else f"no {CONFIG_NAME}: defaults are used"
        yield Check("configuration", found)
    private = workspace.private
    if not private.is_dir():
        yield Check("workspace", f"{private} will be made at the first start")
        return
    open_to_others = [
        path for path in (private, *sorted(private.iterdir())) if _open_to_others(path)
    ]
    if open_to_others:
        more = [str(path) for path in open_to_others[:SHOWN]]
        advice = f"chmod -R go= '{private}'"
        yield Check("workspace", "others may read what is private", "warning", advice, more)
    else:
        yield Check("workspace", f"{private}, private to its owner")


def _open_to_others(path: Path) -> bool:
    try:
        mode = path.lstat().st_mode
    except OSError:  # gone meanwhile, as a write-ahead log goes
        return False
    return bool(mode & 0o077) and path.name != ".gitignore" and sys.platform != "win32"


def check_cases(patient: Patient) -> Iterator[Check]:
    """The test-case files that are watched, and what is wrong with them."""
    from tracedesk.testcases.load import load_paths

    workspace = patient.workspace
    names = [word for agent in workspace.agents for word in (agent.id, agent.name)]
    read = load_paths(workspace.case_paths, workspace.root, agents=names)
    files = [file for file in read if file.is_test_file]
    found = [
        (f"{file.path}:{each.line}:{each.column}: {each.message}", each.severity)
        for file in files
        for each in file.diagnostics
    ]
    errors = [text for text, severity in found if severity == "error"]
    warnings = [text for text, severity in found if severity == "warning"]
    cases = sum(len(file.cases) for file in files)
    where = ", ".join(_shown(path, workspace.root) for path in workspace.case_paths)
    said = f"{counted(len(files), 'file')} with {counted(cases, 'case')} in {where}"
    details = {"files": len(files), "cases": cases, "diagnostics": len(errors) + len(warnings)}
    if errors:
        said += f", {counted(len(errors), 'error')}"
        advice = "A case with an error never passes; mend it where it is named."
        yield Check("test cases", said, "problem", advice, _first(errors), details)
    elif warnings:
        said += f", {counted(len(warnings), 'warning')}"
        yield Check("test cases", said, "warning", "", _first(warnings), details)
    else:
        yield Check("test cases", said, details=details)


def _shown(path: Path, root: Path) -> str:
    return str(path.relative_to(root)) if path.is_relative_to(root) else str(path)


def _first(lines: Sequence[str]) -> list[str]:
    left = len(lines) - SHOWN
    return [*lines[:SHOWN], *([f"… and {left} more"] if left > 0 else [])]


def check_agents(patient: Patient) -> Iterator[Check]:
    """Agents, and traces that would miss theirs."""
    agents = patient.workspace.agents
    details = {"agents": [agent.name for agent in agents]}
    told = f"{counted(len(agents), 'agent')}: {', '.join(agent.name for agent in agents[:SHOWN])}"
    doubts = [*_shared_flows(agents), *_unreachable(patient)]
    gone = patient.database.stored.keys() - {agent.id for agent in agents}
    if gone and not patient.broken:
        lost = sum(patient.database.stored[agent_id] for agent_id in gone)
        doubts.append(f"{counted(lost, 'trace')} of agents that are not configured any more")
    advice = "tracedesk agents edit NAME sets what a trace is told by" if doubts else ""
    state: Literal["ok", "warning"] = "warning" if doubts else "ok"
    yield Check("agents", told, state, advice, _first(doubts), details)


def _shared_flows(agents: Sequence[Any]) -> Iterator[str]:
    """Ids of workflows and chatflows that two agents claim: only the first gets them."""
    for field, noun in (("workflow_ids", "workflow"), ("chatflow_ids", "chatflow")):
        owner: dict[str, str] = {}
        for agent in agents:
            for flow in getattr(agent, field):
                first = owner.setdefault(flow, agent.name)
                if first != agent.name:
                    yield f"{noun} {flow} is of {first!r} and {agent.name!r}: {first!r} gets all"


def _unreachable(patient: Patient) -> Iterator[str]:
    """Agents to which nothing leads but their id in the body. The first gets what fits none."""
    for agent in patient.workspace.agents[1:]:
        told_by = (agent.otlp_service_name, agent.workflow_ids, agent.chatflow_ids)
        if not any(told_by) and agent.id not in patient.database.keyed:
            yield f"{agent.name!r} gets only what names it by platformId {agent.id}: it has no"
            yield "  OTLP service name, no workflow or chatflow ids, and no key of its own"


def check_judge(patient: Patient) -> Iterator[Check]:
    """Who decides semantic assertions, and whether it could; nobody is asked."""
    from tracedesk.judge.settings import fault_of

    settings = patient.workspace.judge
    if settings is None:
        yield Check("judge", "none: semantic assertions are skipped; [judge] model sets one")
        return
    where = f" at {settings.base_url}" if settings.base_url else ""
    if settings.heuristic:
        yield Check("judge", "heuristic: it counts words, which is not an AI judgement")
    elif fault := fault_of(settings) or _provider_fault(patient):
        yield Check("judge", f"{settings.model}{where}: {fault}", "problem")
    else:
        yield Check("judge", f"{settings.model}{where}")


def _provider_fault(patient: Patient) -> str:
    from tracedesk.judge.judge import price_of
    from tracedesk.judge.provider import ModelProvider
    from tracedesk.judge.settings import UnusableError

    settings = patient.workspace.judge
    assert settings is not None, "only asked about a judge that is there"
    try:
        ModelProvider(settings, price_of(settings, patient.workspace.prices))
    except UnusableError as fault:
        return str(fault)
    return ""


def check_extras(patient: Patient) -> Iterator[Check]:
    """Optional parts, as far as this tracedesk knows them, and the judge."""
    offered = set(metadata.metadata("tracedesk").get_all("Provides-Extra") or ())
    installed = {
        extra: all(find_spec(module) for module in modules)
        for extra, (modules, _) in EXTRAS.items()
        if extra in offered
    }
    there = [extra for extra, found in installed.items() if found]
    missing = [f"{extra} ({EXTRAS[extra][1]})" for extra, found in installed.items() if not found]
    said = f"installed: {', '.join(there) or 'none'}"
    more = [f"not installed: {', '.join(missing)}"] if missing else []
    yield Check("extras", said, more=more, details={"extras": installed})


Look = Callable[[Patient], Iterator[Check]]

CHECKS: tuple[Look, ...] = (
    check_python,
    check_workspace,
    check_endpoint,
    check_keys,
    check_database,
    check_disk,
    check_traces,
    check_refusals,
    check_retention,
    check_cases,
    check_agents,
    check_judge,
    check_extras,
)
"""In the order in which they are shown."""
