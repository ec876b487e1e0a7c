"""The way of a query: from pictures and words to ranked candidates with likelihoods."""
