"""Our own people: their entrance, and their looks into workspaces, none of which goes unseen."""
