"""Requests sent once more: as they were kept, to any endpoint, or as a command to copy."""
