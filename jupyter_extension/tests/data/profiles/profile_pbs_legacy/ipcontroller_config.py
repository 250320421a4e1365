# Configuration file for ipcontroller.

c = get_config()

# The engines run on other nodes: listen on all interfaces.
c.HubFactory.ip = '*'
