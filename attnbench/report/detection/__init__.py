"""Detection tables: from the records of detection runs to text, a block for each detector."""
