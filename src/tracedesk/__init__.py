"""tracedesk: a local workbench, in the terminal, for debugging AI-agent traces.

As a library: ``from tracedesk import check, read``. What is not asked for is not imported, so
that ``tracedesk --help`` pays only for what it prints.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tracedesk.library import CheckResult, ReadError, ReadTrace, check, read, read_all

__version__ = "0.1.0"

__all__ = ["CheckResult", "ReadError", "ReadTrace", "__version__", "check", "read", "read_all"]


def __getattr__(name: str) -> Any:
    """The library, imported when one of its names is first asked for."""
    if name in __all__:
        from tracedesk import library

        return getattr(library, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
