"""White cells of a smear field."""
