"""REST routers: translate, make one domain call, translate back."""
