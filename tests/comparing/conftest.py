"""Sides of a comparison, made in one line each."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from sides import make_side


@pytest.fixture
def side():
    return make_side
