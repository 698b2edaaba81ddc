-- Whose updates the offset counts: another bot's numbers begin elsewhere. NULL: not known.
ALTER TABLE telegram_offset ADD COLUMN bot INTEGER;
