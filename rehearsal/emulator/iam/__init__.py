"""Who calls, what a call must be allowed, and what of it was used."""
