"""``python -m tracedesk``: the same as the ``tracedesk`` command."""

from tracedesk.cli import main

if __name__ == "__main__":
    main()
