"""The workbench: the only floor that knows Textual. No SQL, no parsing, no evaluation here."""
