"""Which engine found a result: the version, and the state of the code that decides.

A result that another engine found is evaluated again. The version alone would not tell of a
checkout that moved on without a release.
"""

from functools import cache
from hashlib import blake2b
from pathlib import Path

from tracedesk import __version__

DECIDING = ("model", "formats", "reading", "query", "assertions", "testcases", "evaluation")
"""Folders of the package on which a verdict depends."""


@cache
def engine() -> str:
    """The engine of this process, such as ``0.1.0+3f9c2a17d04b``; some milliseconds, once."""
    package = Path(__file__).resolve().parents[1]
    digest = blake2b(digest_size=6)
    for folder in DECIDING:
        for path in sorted((package / folder).rglob("*.py")):
            digest.update(str(path.relative_to(package)).encode())
            digest.update(path.read_bytes())
    return f"{__version__}+{digest.hexdigest()}"
