"""The steps from one schema to the next, for the tables that every store has."""
