"""The nuances: each fault of the catalogue that has a row there, with its five conditions."""
