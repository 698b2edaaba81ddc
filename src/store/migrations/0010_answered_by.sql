-- Who gave the answer that was noted: the message of the dialog says so.
ALTER TABLE dialogs ADD COLUMN answered_by TEXT;
