"""The editor pane: the text, and the words that may be written."""
