"""`wganlint verify`: the report's fixes, tried one by one in copies of the user's folder, and measured by the probe."""
