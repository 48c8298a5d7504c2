# The development console.
