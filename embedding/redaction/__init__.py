"""Where a picture was sanitised before it was published; and simulated sanitising."""
