"""Networks that find where objects are."""
