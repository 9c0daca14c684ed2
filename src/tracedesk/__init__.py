"""tracedesk: a local workbench, in the terminal, for debugging AI-agent traces.

Nothing is imported here, so that ``tracedesk --help`` pays only for what it prints.
"""

__version__ = "0.1.0"
