"""The compiled loops behind the test for changes of policy."""
