"""Pretrained models: where they come from and what they compute. Knows nothing of records or of the service."""
