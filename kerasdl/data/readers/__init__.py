"""The user's own data: a reader for each kind, which gives what an embedded set gives."""
