# Configuration file for ipcluster.

c = get_config()

#------------------------------------------------------------------------------
# IPClusterStart configuration
#------------------------------------------------------------------------------

# delay (in s) between starting the controller and the engines
c.IPClusterStart.delay = 10.0

# The class for launching a Controller.
c.IPClusterStart.controller_launcher_class = 'PBSControllerLauncher'

#------------------------------------------------------------------------------
# IPClusterEngines configuration
#------------------------------------------------------------------------------

# The class for launching a set of Engines.
c.IPClusterEngines.engine_launcher_class = 'PBSEngineSetLauncher'
c.IPClusterEngines.early_shutdown = 60

#------------------------------------------------------------------------------
# PBS
#------------------------------------------------------------------------------

c.PBSLauncher.queue = 'default'
c.PBSControllerLauncher.batch_template_file = u'pbs.controller.template'
c.PBSEngineSetLauncher.batch_template_file = u'pbs.engine.template'
