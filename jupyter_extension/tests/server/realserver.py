class RealServer: pass
