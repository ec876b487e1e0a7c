"""What is written on a thing: lines of text, barcodes."""
