"""The night for people: the re-index with its report, its messages and its metrics."""
