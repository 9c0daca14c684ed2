"""Foreign payloads become traces here, one file a format; every deviation is a warning."""
