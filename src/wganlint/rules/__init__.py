"""Rule files become checked rules: conditions, prose, and the catalogue of all of them."""
