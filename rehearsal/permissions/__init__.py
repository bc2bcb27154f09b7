"""What the templates let each role do, what of it the rehearsal's roles used, and what is left over."""
