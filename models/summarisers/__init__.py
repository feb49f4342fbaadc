"""Models that summarise."""
