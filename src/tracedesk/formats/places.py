"""JSONPaths into received bodies, as people write them."""

import re

_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def child(place: str, key: str) -> str:
    """The path of ``key`` below ``place``: dotted where the key allows it."""
    if _PLAIN.fullmatch(key):
        return f"{place}.{key}"
    escaped = key.replace("\\", "\\\\").replace('"', '\\"')
    return f'{place}["{escaped}"]'
