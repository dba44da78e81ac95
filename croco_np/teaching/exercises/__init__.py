"""The hidden checks, a module for each lesson. Reading on spoils the exercises."""
