"""Widgets, one a file, grouped by their place on the screen. Widgets do no I/O."""
