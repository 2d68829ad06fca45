"""What must not be seen: secrets of a workspace, kept encrypted or in Kubernetes."""
