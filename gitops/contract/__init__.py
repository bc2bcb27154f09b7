"""What the files that describe a service have to agree on."""
