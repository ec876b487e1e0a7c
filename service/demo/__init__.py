"""What `traceobject demo` shows: pictures that come with the package."""
