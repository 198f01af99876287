"""Tools that fetch, check, make and publish the data that the models are trained on."""
