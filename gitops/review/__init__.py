"""What a reviewer reads in a pull request: counts, risks in words, detail. Pure and offline."""
