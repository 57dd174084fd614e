"""Floor 10: what only a notebook needs, the machinery of the course above all; knows the lab by its public handles."""
