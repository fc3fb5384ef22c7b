"""The equations of the notes as plain NumPy functions."""
