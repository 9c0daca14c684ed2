"""Screens are drawn over the same desk in memory as the screen's own tests."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "tui"))
