"""The desktop window of Canon Explorer; :mod:`.main` opens it."""
