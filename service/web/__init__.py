"""The page: static files that use the public API alone. Nothing is built; what is here is what a browser gets."""
