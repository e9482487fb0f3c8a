//! Tests of filter patterns.
