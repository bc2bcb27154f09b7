"""What a service's image is made of, where it was built, and whether any of it is known to be vulnerable."""
