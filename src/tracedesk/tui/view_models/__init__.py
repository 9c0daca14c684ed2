"""What the screen shows, as plain data: order, filter, focus, folding. No Textual here."""
