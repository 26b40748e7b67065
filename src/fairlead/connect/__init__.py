"""Lines we open: each moves frames between a session of ours and a server, and nothing more."""
