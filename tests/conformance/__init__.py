"""Conformance with stock `wandb`: what it writes we read, and what we write it delivers."""
