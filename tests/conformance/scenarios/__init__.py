"""Programs that log as users do. Each public function is one run, with its own name as the run's id."""
