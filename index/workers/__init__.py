"""Where the heavy stages of a re-index are computed: in this process, or on many machines by Ray."""
