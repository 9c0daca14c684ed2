"""A library desk that pushes the older ``data`` body: a map of nodes and the answer.

python kiosk_agent.py URL
"""

import json
import sys
import urllib.request

DATA = {
    "question": "Do you have a copy of The Left Hand of Darkness on the shelf?",
    "Search Catalogue": {
        "type": "http-request",
        "status": "success",
        "output": {"title": "The Left Hand of Darkness", "copies": 3, "on_shelf": 1},
    },
    "Library Agent": {
        "type": "ai-agent",
        "status": "success",
        "output": {"text": "Yes: one copy is on the shelf, at FIC LEG on the first floor."},
        "tools_called": [
            {
                "name": "locate_shelf",
                "input": {"call_number": "FIC LEG"},
                "output": {"floor": 1, "shelf": "FIC LEG"},
            }
        ],
    },
    "text": "Yes: one copy is on the shelf, at FIC LEG on the first floor.",
    "usage": {"prompt_tokens": 188, "completion_tokens": 41, "total_tokens": 229},
    "_http_status": 200,
    "_metadata": {"duration_ms": 1840},
}

BODY = {
    "data": DATA,
    "externalId": "kiosk-2-00318",
    "metadata": {"app": "library", "environment": "demo"},
}


def main() -> None:
    headers = {"Content-Type": "application/json"}
    request = urllib.request.Request(sys.argv[1], json.dumps(BODY).encode(), headers)
    with urllib.request.urlopen(request, timeout=30) as reply:
        reply.read()


if __name__ == "__main__":
    main()
