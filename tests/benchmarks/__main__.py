"""``python tests/benchmarks [NAME...]``: run the benchmarks and print one table.

Every ``bench_*.py`` here offers ``run() -> list[Result]``. Machines are shared, so judge by
the ratios within one run and by medians; nothing here is a test.

``soak [--minutes M]`` and ``crash [--times N]`` hold a desk under load to its promises, and
exit with 1 when one is broken.
"""

import argparse
import os
import sys
from importlib import import_module
from pathlib import Path

from table import HEADER, render


def benchmark(names: list[str]) -> int:
    """Run the benchmarks whose names hold one of ``names``; none = all.

    Lines are printed as they are measured: minutes of work are not lost by a fault at their end.
    """
    # a person's Python compiles a module once; that each start compiles all anew is a habit of
    # some test machines, and half of what they would measure
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    here = Path(__file__).parent
    found = sorted(path.stem for path in here.glob("bench_*.py"))
    print(HEADER)
    for module in found:
        if names and not any(name in module for name in names):
            continue
        print(f"{module} …", file=sys.stderr)
        print(render(import_module(module).run()), flush=True)
    return 0


def main(arguments: list[str]) -> int:
    """Returns the exit status."""
    first, rest = (arguments or [""])[0], arguments[1:]
    parser = argparse.ArgumentParser(prog=f"python tests/benchmarks {first}")
    if first == "soak":
        parser.add_argument("--minutes", type=float, default=5.0)
    elif first == "crash":
        parser.add_argument("--times", type=int, default=20)
    else:
        return benchmark(arguments)
    status: int = import_module(first).main(**vars(parser.parse_args(rest)))
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
