"""Records, and results beside them. Knows nothing of models or of the service."""
