"""What a person says of a whole trace: that it is known to be good, or known to be bad.

A mark belongs to the stored trace: it stays when the trace is replaced or grows, and goes
when the trace is deleted.
"""

from enum import StrEnum


class Mark(StrEnum):
    """A trace without a mark is ``none``, in filters and on the command line."""

    GOOD = "good"
    """Every test case is expected to pass on it."""
    BAD = "bad"
    """Some test case is expected to fail on it."""
    NONE = "none"
