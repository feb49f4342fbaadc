"""Records, and results beside them."""
