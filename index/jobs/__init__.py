"""The jobs that an operator runs: the nightly re-index and its parts, forgetting, backup, evaluation."""
