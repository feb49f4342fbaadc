"""The service: HTTP, the command line, archives, and the one path that all of them take."""

__version__ = "0.1.0"
