"""The daemon's side: finding logs, following them, and delivering them to targets with proof."""
