//! A test to be.
