"""What a trace says: response, input, calls, usage, each with the place it was read from."""

from tracedesk.reading.read import background, read
from tracedesk.reading.settings import ROLES, ReadingSettings, check_roles

__all__ = ["ROLES", "ReadingSettings", "background", "check_roles", "read"]
