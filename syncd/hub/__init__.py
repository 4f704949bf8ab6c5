"""The receiving server: logs and files from many machines on one disk, proven byte by byte."""
