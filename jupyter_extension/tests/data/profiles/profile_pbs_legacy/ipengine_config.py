# Configuration file for ipengine.

c = get_config()

# Seconds to wait for the controller.
c.EngineFactory.timeout = 60
c.IPEngineApp.wait_for_url_file = 60
c.MPI.use = 'mpi4py'
