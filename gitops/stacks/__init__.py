"""CloudFormation stacks of an environment: their order, what would change, applying and removing them."""
