"""What is kept by content: images, vectors, local features; durable files and their checksums."""
