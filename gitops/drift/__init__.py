"""Whether what runs is still what git says: the stacks, what stands in them, and the services."""
