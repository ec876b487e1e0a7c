"""The application layer below API, pages and command line: searches, leads, the curator's desk, dossiers, audit."""
