"""The load generator: callers over each line, and the run that measures them."""
