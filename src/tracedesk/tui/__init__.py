"""The screen: what a desk knows, drawn for a terminal. Nothing here stores, parses or evaluates."""

import os

# Textual reads it when it is first imported. A key waits for the frame after next at worst:
# at 60 frames a second that alone is 33 ms, more than a key may take. Only changes are painted.
os.environ.setdefault("TEXTUAL_FPS", "120")
