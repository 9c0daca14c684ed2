"""Executions fetched from n8n's public API, each of them stored once as a trace."""
