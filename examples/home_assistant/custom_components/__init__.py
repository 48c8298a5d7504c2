"""The custom integrations of this folder. The test helpers of Home Assistant need this file."""
