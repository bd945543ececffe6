"""Agreement coefficients, intervals and paired tests: numpy and scipy alone."""
