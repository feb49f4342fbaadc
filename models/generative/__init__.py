"""Models that write summaries, and the engines that run them."""
