//! Flight SQL over the engine. Its first version is being written; nothing is exported yet.
