"""Runs as one HTML file that needs no server: charts that zoom, configs, differences, small media."""
