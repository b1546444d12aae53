"""All cells: resume, schedule, worker processes or Ray, progress and estimates."""
