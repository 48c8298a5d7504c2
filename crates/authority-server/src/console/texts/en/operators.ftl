# The operators' console.
