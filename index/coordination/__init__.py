"""What the processes that use one workspace agree on: who may write it, and which generation is live."""
