"""Whether what a task definition refers to exists and fits, looked up before anything is registered. Read-only."""
