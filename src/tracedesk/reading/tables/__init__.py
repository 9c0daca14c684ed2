"""What each convention calls things, as data, one file a convention.

The order in ``ALL`` is the order of trying: the canonical names first, all others only fill
what these left open (ingestion spec 14.1).
"""

from tracedesk.reading.tables import (
    adk,
    agents,
    crewai,
    genai,
    langfuse,
    mlflow,
    openinference,
    openllmetry,
    vercel,
)
from tracedesk.reading.tables.convention import Convention

CANONICAL: Convention = genai.CANONICAL

GAPS: tuple[Convention, ...] = (
    genai.OLDER,
    openinference.TABLE,
    vercel.TABLE,
    agents.PYDANTIC_AI,
    crewai.TABLE,
    openllmetry.TABLE,
    langfuse.TABLE,
    adk.TABLE,
    mlflow.TABLE,
)
"""Conventions that fill gaps, in order."""

ALL: tuple[Convention, ...] = (CANONICAL, *GAPS)
