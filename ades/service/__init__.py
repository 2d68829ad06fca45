"""The verbs: what can be done with processes, jobs and results, whoever asks and however."""
