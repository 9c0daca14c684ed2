"""The things everything else speaks of: traces, trees, readings, verdicts, agents.

Nothing here does I/O or knows any other part of tracedesk.
"""
