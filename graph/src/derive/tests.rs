//! Small graphs in, derived edges out.
