-- A message that goes out within an earlier one of the same session: when an agent says more than the chat takes, what waits is said
-- at once. It is sent when that one is.
ALTER TABLE messages ADD COLUMN carried_by INTEGER REFERENCES messages (id);
CREATE INDEX messages_carried ON messages (carried_by) WHERE carried_by IS NOT NULL;
