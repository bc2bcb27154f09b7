"""Failures on purpose, under steady load: what is lost, what is slow, and how soon the service recovers."""
