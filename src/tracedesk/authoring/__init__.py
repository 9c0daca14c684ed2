"""Writing test cases from what a trace shows: from a place in it to fitting assertions, their
effect on stored traces, and edits of files that can be taken back. Knows no screen."""
