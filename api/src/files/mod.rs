//! Environment and application files: what users write.
