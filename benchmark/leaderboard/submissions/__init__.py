"""Submissions: results in one ZIP file, with checksums. What strangers send is data and is never executed."""
