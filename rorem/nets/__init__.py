"""Networks that no library has, and reading their weights. Everything here needs torch; import it late."""
