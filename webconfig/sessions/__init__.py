"""Sessions for the web: what is asked for, its columns, exports and sums. Pages and API stand on it."""
