"""What `gitops check` runs: each check is a name and the commands that fail when something is wrong."""
