"""Numbers for people: one format a kind, here and nowhere else in the screen."""

from datetime import UTC, datetime

from tracedesk.query.text import duration_text


def duration(ns: int | float | None) -> str:
    """Nanoseconds in at most six characters: ``3ms``, ``1.9s``, ``2m05s``; blank for None."""
    return "" if ns is None else duration_text(ns / 1e6)


def age(ns: int, now_ns: int) -> str:
    """How long ago, in at most four characters: ``8s``, ``3m``, ``2h``, ``5d``."""
    seconds = max(0, now_ns - ns) // 1_000_000_000
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "m")):
        if seconds >= size:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"


def count(number: int | None) -> str:
    """A count in at most five characters: ``820``, ``1.4k``, ``12k``, ``3.1M``; blank for None."""
    if number is None:
        return ""
    if number < 1_000:
        return str(number)
    if number < 9_950:
        return f"{number / 1e3:.1f}k"
    if number < 999_500:
        return f"{number / 1e3:.0f}k"
    return f"{number / 1e6:.1f}M"


def small_count(number: int) -> str:
    """A count in at most three characters, rounded down: ``820``, ``14k``, ``.3M``, ``12M``."""
    if number < 1_000:
        return str(number)
    if number < 100_000:
        return f"{number // 1_000}k"
    if number < 1_000_000:
        return f".{number // 100_000}M"
    return f"{min(number // 1_000_000, 99)}M"


def size(bytes_: int) -> str:
    """Bytes as ``512 B``, ``3.1 kB``, ``24 MB``."""
    if bytes_ < 1_000:
        return f"{bytes_} B"
    if bytes_ < 999_500:
        return f"{bytes_ / 1e3:.1f} kB"
    return f"{bytes_ / 1e6:.1f} MB"


def clock(ns: int) -> str:
    """Time of day in the zone of this machine: ``18:02:11``."""
    return datetime.fromtimestamp(ns / 1e9, tz=UTC).astimezone().strftime("%H:%M:%S")


def moment(ns: int | None) -> str:
    """Date, time and milliseconds in UTC; blank for None."""
    if ns is None:
        return ""
    whole, rest = divmod(ns, 1_000_000_000)
    try:
        at = datetime.fromtimestamp(whole, tz=UTC)
    except (OverflowError, OSError, ValueError):
        return f"{ns} ns"
    return f"{at:%Y-%m-%d %H:%M:%S}.{rest // 1_000_000:03d} UTC"
