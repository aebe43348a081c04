"""Files become a Run; nothing here judges (files -> read -> Run)."""
