"""Search: from pictures and text to ranked candidates with likelihoods."""
