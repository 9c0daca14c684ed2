"""Screens are drawn over the same desk in memory as the screen's own tests, or a small real one."""

import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent / "tui")]

from idle import never_asleep  # noqa: E402, F401
