"""Measures of summaries and of topics. Knows nothing of the models that are measured."""
