"""Dense networks in numpy on torch's own weights: layers with their forward and backward pass, and chains of them."""
