-- A prompt, a command of the agent's own, or the continuation of a turn that a limit cut off.
ALTER TABLE turns ADD COLUMN kind TEXT NOT NULL DEFAULT 'prompt';

-- Until when nothing is typed, because the agent's provider refuses.
ALTER TABLE sessions ADD COLUMN limited_until INTEGER;

-- The agent's own id of the conversation that the first launch begins from.
ALTER TABLE sessions ADD COLUMN fork_of TEXT;
