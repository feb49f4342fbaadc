"""The doors, and the one path behind them."""

__version__ = "0.1.0"
