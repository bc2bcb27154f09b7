"""Rollouts: a revision registered, a service updated, a deployment watched to its verdict, a report."""
