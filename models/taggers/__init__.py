"""Models that tag: pretrained classifiers, and natural-language inference for callers' own labels."""
