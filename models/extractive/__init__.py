"""Models that choose sentences of the article."""
