"""What the service does, whoever asks: searches and their record, leads, the desk, dossiers, the audit."""
