"""The sample pictures of `traceobject demo`, installed with the package."""
