"""The pages of the detail pane as lines of text and role."""
