"""Who may come in, and how much it may cost."""
