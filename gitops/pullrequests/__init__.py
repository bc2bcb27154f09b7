"""What a pull request is told: one comment with its review, and one for each service that it deployed."""
