"""Renders the pictures of the demo: a catalogue, published crops, volunteers' photos. Run: python -m sample DIR."""
