"""``python tests/fuzz [CASES] [PARSER...]``: mutate every recorded body, CASES times a parser.

Whatever happens, a body is read or refused with faults, every trace of it can be read and
every field of the reading looked at, and none of it takes long. The same seed gives the same
cases; what went wrong is printed once a place, with its case.
"""

import random
import sys
import time
import traceback
from collections import Counter
from collections.abc import Iterator

from parsers import PARSERS, Parser
from seeds import bodies
from test_fuzz_formats import check

SLOW_S = 1.0
"""Of the processor: one case, read several times over, never takes longer."""


def cases(name: str, parser: Parser, count: int, seed: int = 1) -> Iterator[bytes]:
    """That many mutated bodies for one parser."""
    pick = random.Random(f"{name} {seed}")
    seeds = bodies()[name]
    for _ in range(count):
        yield parser.mutate(pick.choice(seeds), pick)


def run(name: str, count: int) -> int:
    """Fuzz one parser, print what happened, and give the number of findings."""
    parser = PARSERS[name]
    told: Counter[str] = Counter()
    findings: dict[str, tuple[str, bytes]] = {}
    slowest, start = 0.0, time.monotonic()
    for body in cases(name, parser, count):
        began = time.process_time()
        try:
            traces = parser.read(body)
            told["read" if traces else "refused"] += 1
            for trace in traces:
                check(trace)
                told["traces"] += 1
        except Exception as error:
            frame = traceback.extract_tb(error.__traceback__)[-1]
            place = f"{type(error).__name__} at {frame.filename}:{frame.lineno}"
            findings.setdefault(place, (traceback.format_exc(limit=-6), body))
        took = time.process_time() - began
        slowest = max(slowest, took)
        if took > SLOW_S:
            findings.setdefault("slow", (f"{took:.1f} s", body))
    rate = count / (time.monotonic() - start)
    figures = ", ".join(f"{number:,} {what}" for what, number in sorted(told.items()))
    told_of = f"{name}: {count:,} cases at {rate:,.0f}/s, the slowest {slowest * 1000:,.0f} ms"
    sys.stdout.write(f"{told_of}; {figures}; {len(findings)} findings\n")
    for place, (what, body) in findings.items():
        sys.stdout.write(f"  {place}\n{what}\n  {body[:3000]!r}\n")
    sys.stdout.flush()
    return len(findings)


if __name__ == "__main__":
    wanted = sys.argv[2:] or list(PARSERS)
    total = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    sys.exit(1 if sum([run(name, total) for name in wanted]) else 0)
