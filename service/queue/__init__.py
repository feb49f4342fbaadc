"""The queue in front of the models, and the worker behind it. Policy (cost, admission, batches) is pure functions."""
