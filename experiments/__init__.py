"""The experiments, each one YAML file, and the command line that ties everything together."""
