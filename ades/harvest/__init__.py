"""What comes by itself: packages from git, executions by schedule or event."""
