-- Processes between the launch's program and those that write its hooks; more of them mean another program that it started.
ALTER TABLE launches ADD COLUMN hook_depth INTEGER;
