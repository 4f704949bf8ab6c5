"""What runs logged: entries of all logs put together, as rows, arrays, frames and charts."""
