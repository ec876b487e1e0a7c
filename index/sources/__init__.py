"""Where entries come from: feeds, their pictures, and the gate that pictures pass."""
