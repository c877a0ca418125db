"""Pages about the computer: network, time, services, updates; and what this process reads of it by itself."""
