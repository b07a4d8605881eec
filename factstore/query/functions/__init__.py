"""What a query may call: the functions by name, what they take, and the bounds they keep."""
