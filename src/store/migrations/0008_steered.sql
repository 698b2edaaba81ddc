-- A prompt that is meant for the turn that runs: it is typed while the agent works.
ALTER TABLE turns ADD COLUMN steered INTEGER NOT NULL DEFAULT 0;
