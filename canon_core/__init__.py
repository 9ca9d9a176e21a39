"""Canon Explorer's engine: everything the window can do, without Qt."""
