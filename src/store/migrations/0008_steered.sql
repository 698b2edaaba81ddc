-- A prompt that is meant for the turn that runs: it is typed while the agent works.
ALTER TABLE turns ADD COLUMN steered INTEGER NOT NULL DEFAULT 0;
-- The agent's own id of the turn that a prompt began or went into.
ALTER TABLE turns ADD COLUMN agent_turn TEXT;
CREATE INDEX turns_agent_turn ON turns (session, agent_turn) WHERE agent_turn IS NOT NULL;
