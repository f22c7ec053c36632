"""Long and scheduled work as rows: kind, scope, cursor, progress, lease, cancel. Killed anywhere, a run resumes."""
