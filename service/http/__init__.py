"""What every HTTP route needs: uploads, dependencies, middleware, logs."""
