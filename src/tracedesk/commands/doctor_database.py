"""What ``tracedesk doctor`` says of the database and of what is in it."""

import shutil
import time
from collections.abc import Iterator
from pathlib import Path

from msgspec import structs

from tracedesk.commands.doctor_finding import Check, Patient, megabytes
from tracedesk.query.text import counted, iso
from tracedesk.store import schema
from tracedesk.store.ledger import RECEIVED
from tracedesk.store.retention import DAY_NS, MEGABYTE

LOW_DISK, FULL_DISK = 1_000_000_000, 100_000_000
"""Free bytes below which the disk is a warning, and a problem."""
LONG_LOG = 512_000_000
"""Bytes of a write-ahead log that somebody must be holding back."""
MESSAGE_CHARS = 160


def check_database(patient: Patient) -> Iterator[Check]:
    """Does it open, is it ours, is it whole, how large is it?"""
    path, found = patient.workspace.database, patient.database
    if not found.exists:
        yield Check("database", f"{path} will be made at the first start")
        return
    if found.problem is not None:
        yield Check("database", found.problem.message, "problem", found.problem.hint)
        return
    size, log = _size(path), _size(path.with_name(path.name + "-wal"))
    said = f"{path}, {megabytes(size + log)}"
    details = {"bytes": size, "logBytes": log, "version": found.version}
    more = []
    if found.version < schema.VERSION:
        older = f"version {found.version}, brought to {schema.VERSION} at the next start"
        more.append(older if found.version else "empty as yet")
    if found.held is not None and found.held.free > max(found.held.used, 50 * MEGABYTE):
        after = "given back to the disk as retention runs" if found.shrinks else "used again"
        more.append(f"{megabytes(found.held.free)} of it are free, {after}")
    if found.damage:
        advice = (
            "Save what is readable with `sqlite3 FILE .recover`, or move the file away to start"
            " afresh."
        )
        faults = [*found.damage, *more]
        yield Check("database", f"{path} is damaged", "problem", advice, faults, details)
    elif log > LONG_LOG:
        advice = "Something reads without end: end old tracedesk processes on this workspace."
        said += f", and a write-ahead log of {megabytes(log)}"
        yield Check("database", said, "warning", advice, more, details)
    else:
        whole = "whole" if found.damage is not None else "opens; too large to check all, see --full"
        yield Check("database", f"{said}, {whole}", more=more, details=details)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def check_disk(patient: Patient) -> Iterator[Check]:
    """Is there room for more traces?"""
    free = shutil.disk_usage(patient.workspace.root).free
    said, details = f"{megabytes(free)} free", {"freeBytes": free}
    if free >= LOW_DISK:
        yield Check("disk", said, details=details)
        return
    advice = "Free some space, or limit what is kept with [retention] in tracedesk.toml."
    yield Check("disk", said, "problem" if free < FULL_DISK else "warning", advice, (), details)


def check_traces(patient: Patient) -> Iterator[Check]:
    """How many there are, and whether the ledger agrees."""
    database = patient.database
    if database.held is None:
        return
    count, ledger = database.held.traces, database.ledger
    oldest_ns = database.held.oldest_ns
    details = {"traces": count, "oldest": None if oldest_ns is None else iso(oldest_ns)}
    said = counted(count, "trace")
    if oldest_ns is not None:
        said += f", the oldest of {iso(oldest_ns)[:16].replace('T', ' ')}"
    if ledger is None:
        yield Check("traces", said, details=details)
        return
    said += f"; {ledger.total(*RECEIVED):,} received, {ledger.total('refused'):,} refused"
    if removed := ledger.total("removed"):
        said += f", {removed:,} removed"
    if ledger.kept != count:
        advice = "Something else wrote to the database; the traces that are there can be used."
        more = [f"by the ledger there should be {ledger.kept:,}"]
        yield Check("traces", said, "warning", advice, more, details)
    else:
        yield Check("traces", said, details=details)


def check_refusals(patient: Patient) -> Iterator[Check]:
    """What was refused lately, by code, with what the sender was told last."""
    ledger = patient.database.ledger
    if ledger is None:
        return
    now_ns = time.time_ns()
    refused = ledger.of("refused")
    lately = [entry for entry in refused if now_ns - entry.last_ns < DAY_NS]
    if not lately:
        before = f" ({ledger.total('refused'):,} before)" if refused else ""
        yield Check("refused", f"nothing in the last 24 hours{before}")
        return
    more = []
    for entry in lately:
        whose = f" for {patient.agent_name(entry.agent_id)}" if entry.agent_id else ""
        at = iso(entry.last_ns)[:19].replace("T", " ")
        more.append(f"{entry.code} × {entry.count:,}{whose}, last {at}:")
        more.append(f"  {entry.message[:MESSAGE_CHARS]}")
    said = f"in the last 24 hours, {counted(len(lately), 'kind')} of requests"
    advice = "Each sender was told the same; mend the request, the key or the agent."
    yield Check("refused", said, "warning", advice, more)


def check_retention(patient: Patient) -> Iterator[Check]:
    """The limits, and what they would remove next."""
    if patient.broken:
        return
    limits, database = patient.workspace.retention, patient.database
    if not limits:
        yield Check("retention", "everything is kept; see [retention] of tracedesk.toml")
        return
    units = {unit: value for unit, value in structs.asdict(limits).items() if value is not None}
    said = f"at most {', '.join(f'{value:,g} {unit}' for unit, value in units.items())}"
    details = {"limits": units, "excess": dict(database.excess)}
    body = patient.workspace.endpoint.max_body_mib << 20
    if limits.megabytes is not None and limits.megabytes * MEGABYTE < body:
        more = [f"one request alone may have {body >> 20} MiB, which is more than that"]
        advice = "Whatever its size, the newest trace is kept; raise megabytes to keep more."
        yield Check("retention", said, "warning", advice, more, details)
        return
    if database.excess:
        limit = max(database.excess, key=lambda name: database.excess[name])
        about = "about " if limit == "megabytes" else ""
        said += f"; {about}{counted(database.excess[limit], 'trace')} beyond {limit} go next"
    elif database.held is not None:
        said += "; nothing to remove"
    yield Check("retention", said, details=details)
