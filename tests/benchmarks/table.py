"""What a benchmark reports, and the table it is printed in."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path


@dataclass
class Result:
    """One measured figure beside its budget."""

    name: str
    measured: float
    unit: str
    budget: float | None
    """None: reported for comparison only."""
    ok: bool
    note: str = ""


HEADER = f"{'what':<62} {'measured':>14} {'budget':>12} {'ratio':>7}\n" + "-" * 100


def render(results: Iterable[Result]) -> str:
    """The lines of the table: measured, budget, and their ratio."""
    lines = []
    for r in results:
        budget = "–" if r.budget is None else f"{r.budget:,g} {r.unit}"
        ratio = "" if not r.budget else f"{r.measured / r.budget:.2f}"
        mark = "" if r.ok else "  over budget"
        lines.append(
            f"{r.name:<62} {f'{r.measured:,.4g} {r.unit}':>14} {budget:>12} {ratio:>7}{mark}"
            + (f"  ({r.note})" if r.note else "")
        )
    return "\n".join(lines)


def resident() -> int:
    """Bytes of memory of this process; 0 where the system does not tell."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except OSError:
        return 0
    import resource

    return pages * resource.getpagesize()
