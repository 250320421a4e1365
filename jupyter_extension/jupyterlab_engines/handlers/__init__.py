"""HTTP and WebSocket handlers: they translate, the managers do."""
