"""A lexical index: entries found by words, tolerantly, and weighted by how rare the words are."""
