"""Secrets taken out of a request before any of it is stored (ingestion spec 18)."""
