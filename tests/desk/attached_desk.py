"""A desk in a process of its own, as a workbench is one: ``python attached_desk.py FOLDER``.

Says on a line each how the endpoint is, whenever that changes; ends when its input does.
"""

import sys
from pathlib import Path

from tracedesk.desk import Desk, Options
from tracedesk.listening import EndpointState
from tracedesk.workspace import find_workspace


class Told(Desk):
    """A desk that prints what its header shows."""

    def _now(self, endpoint: EndpointState) -> None:
        super()._now(endpoint)
        words = (endpoint.state, endpoint.url, endpoint.grpc, endpoint.message)
        sys.stdout.write("|".join(map(str, words)) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    with Told(find_workspace(Path(sys.argv[1])), Options(quiet_s=0.05)):
        sys.stdin.read()
