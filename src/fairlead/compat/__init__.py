"""Names from elsewhere, so that what was written for them goes on working."""
