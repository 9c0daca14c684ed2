"""The right pane: tabs over pages of lines."""
