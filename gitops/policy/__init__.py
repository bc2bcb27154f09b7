"""The templates as each environment fills them, held against cfn-lint's schemas and checkov's policies."""
