"""Task definitions: merged, rendered, checked and compared. Pure, offline, without boto3."""
