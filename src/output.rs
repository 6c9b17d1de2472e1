//! What is kept of the output of all processes.
