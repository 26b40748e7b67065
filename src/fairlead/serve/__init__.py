"""Lines we accept: each moves frames between a peer and its conversation, and nothing more."""
