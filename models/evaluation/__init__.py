"""Measures of summaries and of topics."""
