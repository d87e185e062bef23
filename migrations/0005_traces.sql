-- Where a cause crosses a commit: the value of the W3C traceparent header of the step, where traces are on.
ALTER TABLE effects ADD COLUMN trace text;
ALTER TABLE messages ADD COLUMN trace text;
