"""Configuration of every Jupyter server of the browser tests; what differs is on the command line."""

import os

c = get_config()  # noqa: F821

c.ServerApp.open_browser = False
c.ServerApp.ip = "127.0.0.1"
c.ServerApp.port = 0  # any free one; the server tells which in its runtime file
c.ServerApp.allow_root = True
c.ServerApp.root_dir = "."

# Nothing may ask the network, or the user.
c.LabApp.check_for_updates_class = "jupyterlab.NeverCheckForUpdate"
c.LabApp.news_url = None
c.LabApp.extension_manager = "readonly"

c.MappingKernelManager.shutdown_wait_time = 3

if "ENGINES_TEST_NO_SERVER_HALF" in os.environ:
    c.ServerApp.jpserver_extensions = {"jupyterlab_engines": False}
