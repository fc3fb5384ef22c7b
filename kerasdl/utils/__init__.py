"""Helpers that several packages share: argument checks, atomic files, patches, quiet imports."""
