"""The pane below: test results, and the failure under the cursor on small screens."""
