"""Readers of the user's own data: one file for each format. Each returns a `Source`."""
