"""The HTML pages: public ones, and the workbench and the curator's desk behind the sign-in."""
