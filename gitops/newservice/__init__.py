"""A new service: named, given a place on the load balancer, put into the repository whole or not at all."""
