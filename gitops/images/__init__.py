"""Images: built from a commit, pushed once under its id, known by digest from then on."""
