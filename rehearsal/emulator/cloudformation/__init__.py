"""Change sets, resource types that ministack lacks, and drift detection."""
