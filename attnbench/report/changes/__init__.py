"""What changed between the leaderboards of two stores."""
