"""Measures models against references, and shows what came out."""
