//! CloudWatch Logs filter patterns for JSON events.
