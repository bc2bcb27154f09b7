"""The registry's own protocol with what ECR checks: who pushes and pulls, and what they may."""
