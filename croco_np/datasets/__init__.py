"""Raw files to `Splits`: readers, vocabularies and the simulator."""
