"""The ingestion endpoint: limits, keys, routing to agents, replies. Plain ASGI."""
