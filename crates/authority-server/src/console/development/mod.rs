//! The development console.
