"""Traces written out again: the unified trace in the wire formats that can hold it."""
