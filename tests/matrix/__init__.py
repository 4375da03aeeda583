"""Who may reach what: every route, row and socket, by role and by tenant."""
