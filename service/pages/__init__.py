"""The pages that people see: public ones, and the workbench behind the sign-in."""
