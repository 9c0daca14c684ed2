"""``python tests/benchmarks [NAME...]``: run the benchmarks and print one table.

Every ``bench_*.py`` here offers ``run() -> list[Result]``. Machines are shared, so judge by
the ratios within one run and by medians; nothing here is a test.
"""

import sys
from importlib import import_module
from pathlib import Path

from table import Result, render


def main(names: list[str]) -> None:
    here = Path(__file__).parent
    found = sorted(path.stem for path in here.glob("bench_*.py"))
    results: list[Result] = []
    for module in found:
        if names and not any(name in module for name in names):
            continue
        print(f"{module} …", file=sys.stderr)
        results += import_module(module).run()
    print(render(results))


if __name__ == "__main__":
    main(sys.argv[1:])
