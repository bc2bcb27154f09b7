"""One service described in several files, and whether they agree: offline, from the work tree or a commit."""
