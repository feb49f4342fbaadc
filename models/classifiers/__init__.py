"""Models that tag with labels: their own, or a caller's."""
